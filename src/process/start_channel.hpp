// The messages between host and worker from the birth of the process to the first line of the worker's own code.
//
//   host    the start request, unless the worker is a fork and has it in its memory (start_request.hpp)
//   worker  "here"                          one byte, by which the host finds its process if it cannot ask for a pidfd;
//                                           a fork of the fork server is told of by the server (fork_server.hpp)
//   host    "I have your pidfd"             one byte: until then the worker does not end, so that its pid stays valid
//   worker  "started", or what went wrong   one StartReport
//
// Thread safety: one thread on each side.
// Invariants: no other child of the host holds either end (os/fork_guard.hpp), so that an end of file is the peer's
// end.
// Security considerations: the other end of an `executable` may be any program. The host bounds how much it receives,
// and how long it waits for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
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
  /// In the worker, whose descriptor came with a start request or through exec.
  explicit StartChannel(os::Fd worker_end) noexcept { ends_.second = std::move(worker_end); }

  // The host's side.
  const os::Fd& worker_end() const noexcept { return ends_.second; }
  void keep_host_end() noexcept { ends_.second.reset(); }
  const os::Fd& host_end() const noexcept { return ends_.first; }
  /// A pidfd of the worker with this pid. Waits for "here" only if the system cannot open it by number. Throws
  /// std::system_error.
  os::Pidfd open_pidfd(pid_t worker, const os::Deadline& deadline);
  /// Whether "here" has been read.
  bool has_read_here() const noexcept { return has_read_here_; }
  /// The worker's process is known, and says no "here".
  void forgo_here() noexcept { has_read_here_ = true; }
  /// Sends "I have your pidfd". False: the worker is gone, or does not read, so that there was no room in time.
  bool confirm_pidfd(const os::Deadline& deadline) noexcept;
  /// Closes the host's end, which the peer sees.
  void hang_up() noexcept { ends_.first.reset(); }
  enum class Arrived { all, part, end };
  /// Takes in what has arrived of the report, and does not wait. `end`: the worker has closed its end before.
  Arrived take_in();
  /// The report, once all of it has arrived; nullopt: what the worker sent is none.
  std::optional<StartReport> take_report();

  // The worker's side.
  void keep_worker_end() noexcept;
  /// Says "here" before there is a StartChannel.
  static void send_here(const os::Fd& worker_end) noexcept;
  /// Waits for confirm_pidfd() first. False: the host is gone or gave up, so that there is nobody to work for.
  bool report(const StartReport& report) noexcept;

 private:
  explicit StartChannel(const os::ForkLock&);
  void leave_in_child() noexcept override;
  void list_fds(std::vector<int>& fds) const override;

  std::size_t report_bytes() const noexcept;

  os::SocketPair ends_;         // the host's, the worker's
  bool has_read_here_ = false;  // the host has read that byte
  std::string arrived_;         // of the report
  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::process
