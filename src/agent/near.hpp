// The near agent: the process on the host's machine that passes on what host and worker send each other.
//
// It is the host's child. It executes the launcher, and by it the far agent, or has a branch of a trunk; it
// answers the host's start; it relays;
// and it ends when everything that came from there is in the host's link, or when that has become impossible. Its last
// word to the host is how the worker ended.
//
// Thread safety: one thread.
// Invariants: all of its signals are blocked: it ends with its host, or when its worker has ended. What comes from the
// far agent has passed the door.
#pragma once

#include <signal.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/fence_command.hpp"
#include "agent/launch.hpp"
#include "agent/output_writer.hpp"
#include "agent/read_frames.hpp"
#include "agent/relay.hpp"
#include "link/link.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/signal_timer.hpp"
#include "remote/messages.hpp"
#include "wire/door.hpp"
#include "wire/intake.hpp"
#include "wire/window.hpp"

namespace coproc::inline v0::agent {

class Near {
 public:
  /// `control` leads to the host, and `link` is the end that it has handed over. Of the others one is used:
  /// `program` is the worker's program, if it is to be sent there; `branch` is that of the trunk. Throws
  /// std::system_error.
  Near(remote::NearRequest request, os::Fd control, std::unique_ptr<link::Link> link, os::Fd program,
       BranchEnd branch = {});
  /// Returns the exit code of the process.
  int run();

 private:
  enum class Phase {
    launching,  // nothing is known of the far agent
    starting,   // it has the start request
    running,    // the worker was started
    closing,    // the wire is closed: what has come is delivered, the launcher ends
  };

  // near.cpp
  void begin();
  void begin_relay();
  void turn();
  void sleep();
  bool is_done();
  /// While nobody reads what the launcher has printed, it has to wait.
  bool reads_errors() const noexcept { return launchers_errors_.is_empty(); }
  void look_at_launcher();
  void look_at_fence();
  void finish();
  void close_wire(bool has_failed);
  void fail_start(std::string stage, int error_number, std::string text);
  void lose(std::string why);
  void lose(std::string why, Fence fence);
  void give_up();
  void check_times();
  std::chrono::nanoseconds silence() const noexcept { return std::chrono::nanoseconds(request_.silence_ns); }
  bool heeds_silence() const noexcept { return silence() != std::chrono::nanoseconds::max(); }
  std::chrono::nanoseconds silence_ends_in() const noexcept;
  void check_silence();
  Fence fence_of_lost_worker() const noexcept;
  void note_killed_end();
  // near_conversation.cpp
  /// What the last sleep found readable, which spares the calls that would find nothing. The wire is always read: it
  /// counts when that was done in vain.
  struct Readable {
    bool control = true;
    bool errors = true;  // of the launcher
  };

  void read_control();
  void take_order(const remote::SignalOrder& order);
  void read_wire();
  void take(const wire::Frame& frame);
  void answer_ping(std::uint64_t number);
  void take_hello(const wire::Hello& hello);
  void take_answer(const remote::StartAnswer& answer);
  void send_start();
  void tell_host(const std::string& bytes);
  void read_errors();
  bool both_are_stuck() const;

  const remote::NearRequest request_;
  os::Fd control_;
  std::unique_ptr<link::Link> link_;
  wire::Windows windows_;
  wire::Door door_{wire::Side::near, windows_};
  Launch launch_;
  std::unique_ptr<Relay> relay_;  // null: there is no wire yet
  Readable readable_;
  OutputWriter output_{1}, errors_{2};
  OutputWriter launchers_errors_{2};  // apart, since the worker's output is given back to its window

  Phase phase_ = Phase::launching;
  os::Deadline start_deadline_;
  // Signs of life; times are those of os::boottime_ns().
  os::SignalTimer wake_{SIGCONT, CLOCK_BOOTTIME};  // lets this process go on if it has been stopped
  Hearing hearing_;
  std::int64_t answered_ = 0;                   // when it last had taken a ping
  std::optional<os::Deadline> kill_deadline_;   // by then the worker has to have ended
  bool was_killed_ = false;                     // by the host
  std::optional<os::Deadline> patience_;        // with a host that has killed its worker and takes nothing more
  bool has_given_up_ = false;                   // what still waits is dropped
  bool is_link_gone_ = false;                   // the host has closed its end
  bool is_stuck_told_ = false;                  // to the host
  std::optional<wire::Stuck> far_is_stuck_;     // with its counts
  std::optional<remote::StartAnswer> refusal_;  // to be sent once the launcher has ended
  bool names_launchers_end_ =
      false;  // it, or what the trunk says, is added to the refusal, or to why the worker was lost
  std::optional<remote::WorkerEnd> ended_;  // as the far agent said; what the worker sent may be on its way
  std::optional<remote::WorkerEnd> end_;    // to be told to the host
  std::optional<FenceCommand> fence_;       // once the worker was lost, if there is such a command
};

}  // namespace coproc::inline v0::agent
