// The far agent: the worker's parent on its machine, which passes on what worker and host send each other.
//
// The launcher has executed it. Its stdin and stdout are the wire, or tell it where to connect to (call_back.hpp). It
// starts the worker that the near agent asks for, keeps its link, reads what it prints, and outlives it until
// everything has been sent. When the wire ends, it ends the worker, and then itself. It does the same when the near
// agent answers nothing in the time of its lease.
//
// Thread safety: one thread.
// Invariants: `exit` is sent when the worker's process has ended, its link is empty, and its output has been sent.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/lease.hpp"
#include "agent/output_reader.hpp"
#include "agent/relay.hpp"
#include "agent/wire_stream.hpp"
#include "link/link.hpp"
#include "os/signal_timer.hpp"
#include "process/child.hpp"
#include "remote/messages.hpp"
#include "wire/door.hpp"
#include "wire/window.hpp"

namespace coproc::inline v0::agent {

class Far {
 public:
  /// `program` is that of the worker, if it was sent here; else it is empty. Throws std::system_error.
  explicit Far(std::unique_ptr<WireStream> wire, std::string program = {});
  /// Returns the exit code of the process.
  int run();

 private:
  /// What the last sleep found readable, which spares the calls that would find nothing.
  struct Readable {
    bool worker = true;  // its end
    bool output = true;
    bool errors = true;
  };

  // far.cpp
  bool await_start();
  bool sleep_on_wire(std::chrono::nanoseconds longest);
  bool read_wire();
  void take(const wire::Frame& frame);
  void relay();
  void turn();
  bool may_go_on() const noexcept { return is_wire_open_ && !is_lease_over_; }
  void begin_lease(std::chrono::nanoseconds silence);
  void tend_lease();
  void wake_in(std::chrono::nanoseconds time) noexcept;
  void sleep();
  void relay_link();
  void look_at_worker();
  void tell_stuck();
  void note_broken(const std::string& why);
  bool could_send_more() const noexcept;
  void linger();
  void end_worker();
  void tell_lease_is_over();
  // far_start.cpp
  remote::StartAnswer start_worker(const remote::WorkerRequest& request);

  std::unique_ptr<WireStream> wire_;
  const std::string program_;
  wire::Windows windows_;
  wire::Door door_{wire::Side::far, windows_};
  std::string start_;  // the pieces of the request that have come

  os::SignalTimer wake_;  // lets this process go on if it has been stopped, so that it does what is due
  std::optional<Lease> lease_;
  bool is_lease_over_ = false;

  // Once the worker was started:
  std::unique_ptr<link::Link> link_;
  std::unique_ptr<OutputReader> output_, errors_;
  process::Child child_;
  std::optional<Relay> relay_;
  Readable readable_;
  bool is_broken_ = false;  // the worker has broken its link
  bool has_ended_ = false;  // the worker, as the near agent was told
  bool is_sent_ = false;    // and nothing is left in its link
  bool has_said_exit_ = false;
  bool is_wire_open_ = true;
  bool is_stuck_told_ = false;
  wire::Stuck counts_told_;
};

}  // namespace coproc::inline v0::agent
