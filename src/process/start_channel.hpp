// What host and worker tell each other between the birth of the process and the first line of the worker's own code.
//
//   host    the start request, where the worker does not have it in its own memory (start_request.hpp)
//   worker  "here"                          one byte, by which the host knows its process where it cannot ask for a pidfd
//   host    "I have your pidfd"             one byte: until then the worker does not end, so that its pid stays its own
//   worker  "started", or what went wrong   one StartReport
//
// Thread safety: one thread on each side.
// Invariants: no other child of the host holds either end (os/fork_guard.hpp): an end of file is the peer's end.
// Security considerations: at the other end of an `executable` may be any program: the host bounds what it says, and how
// long it takes to say it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "os/clock.hpp"
#include "os/fork_guard.hpp"
#include "os/pidfd.hpp"
#include "os/socket_pair.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::process {

class StartChannel final : public os::ForkSensitive {
 public:
  /// Throws std::system_error.
  StartChannel() : StartChannel(os::ForkLock()) {}
  /// In the worker, where the descriptor came with a start request or through exec.
  explicit StartChannel(os::Fd worker_end) noexcept { ends_.second = std::move(worker_end); }

  // The host's side.
  const os::Fd& worker_end() const noexcept { return ends_.second; }
  void become_host() noexcept { ends_.second.reset(); }
  const os::Fd& host_end() const noexcept { return ends_.first; }
  /// Of the worker, whose pid this is. Waits for it only where the system cannot tell at once. Throws std::system_error.
  os::Pidfd open_pidfd(pid_t worker, const os::Deadline& deadline);
  /// Whether "here" has been read.
  bool is_here() const noexcept { return is_here_; }
  /// False: the worker is gone, or there was no room for that in time, since it does not read.
  bool let_go(const os::Deadline& deadline) noexcept;
  /// The peer sees this as the host's end.
  void hang_up() noexcept { ends_.first.reset(); }
  /// The report; nothing: the worker ended without one, or what it said is none. Waits for what has begun to come.
  std::optional<StartReport> receive(const os::Deadline& deadline) noexcept;

  // The worker's side.
  void become_worker() noexcept;
  /// Says "here" where there is no StartChannel yet.
  static void say_here(const os::Fd& worker_end) noexcept;
  /// Waits for let_go() first. False: the host is gone or gave up; there is nobody to work for.
  bool report(const StartReport& report) noexcept;

 private:
  explicit StartChannel(const os::ForkLock&);
  void leave_in_child() noexcept override;
  void list_fds(std::vector<int>& fds) const override;

  os::SocketPair ends_;   // the host's, the worker's
  bool is_here_ = false;  // the host has read that byte
  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::process
