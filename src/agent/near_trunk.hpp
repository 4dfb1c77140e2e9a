// The near end of a trunk: one launch, and one connection, for all workers of a pool on one machine.
//
// It is the host's child, as the near agents are. It executes the launcher, or is called back, and then opens a branch
// whenever the host asks: it takes the trunk's ends of the branch's pipes, of which the worker's near agent has the
// others, and has a far agent executed there. If the connection ends, all branches end, and each near agent is told
// why. It ends when the host takes no more branches, and none is left.
//
// Thread safety: one thread.
// Invariants: all of its signals are blocked. What comes from the far end has passed the door. Once it can open no more
// branches, it has closed the socket to the host.
#pragma once

#include <signal.h>
#include <time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/branches.hpp"
#include "agent/launch.hpp"
#include "agent/output_writer.hpp"
#include "agent/read_frames.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/signal_timer.hpp"
#include "remote/messages.hpp"
#include "wire/trunk_door.hpp"

namespace coproc::inline v0::agent {

class NearTrunk {
 public:
  /// `control` leads to the host. `program` is the workers' program, if it is to be sent there. Throws
  /// std::system_error.
  NearTrunk(remote::TrunkRequest request, os::Fd control, os::Fd program);
  /// Returns the exit code of the process.
  int run();

 private:
  enum class Phase { launching, running, closing };

  void turn();
  void sleep();
  bool is_done() const noexcept;
  void read_control();
  bool take_branch();
  bool has_near_agents() const;
  void read_errors();
  void read_wire();
  void take(const wire::Frame& frame);
  void take_hello(const wire::Hello& hello);
  void take_gone(std::uint32_t branch, const remote::WorkerEnd& end);
  void move();
  void check_times();
  void look_at_launcher();
  void fail_launch(std::string stage, int error_number, std::string text);
  void lose(std::string why);
  void close(bool has_failed);
  void forget_gone();
  void tell_host(const remote::StartAnswer& answer);
  std::chrono::nanoseconds silence() const noexcept;
  std::chrono::nanoseconds silence_ends_in() const noexcept;

  const remote::TrunkRequest request_;
  os::Fd control_;  // none: no more branches are opened
  Launch launch_;
  wire::TrunkDoor door_{wire::Side::near};
  std::optional<Branches> branches_;            // once the wire is that of the far end
  std::map<std::uint32_t, os::Fd> last_words_;  // of each branch
  std::set<std::uint32_t> gone_;                // those whose far agent has ended
  OutputWriter launchers_errors_{2};

  Phase phase_ = Phase::launching;
  os::Deadline start_deadline_;
  os::SignalTimer wake_{SIGCONT, CLOCK_BOOTTIME};  // lets this process go on if it has been stopped
  Hearing hearing_;
  std::optional<os::Deadline> patience_;  // once no near agent is left: with a far end that does not answer
  bool names_launchers_end_ = false;
  bool has_more_ = false;  // the branches have more to send than was taken
  std::optional<remote::StartAnswer> refusal_;
  std::string why_;  // the trunk was lost
};

}  // namespace coproc::inline v0::agent
