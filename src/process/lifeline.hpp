// Makes a worker end with its host, however the host ends and whatever the worker is doing.
//
// It is a pipe into which nobody writes, and of which only the host has the write end. When the host ends, the kernel
// closes that end and sends the worker SIGCONT, which also wakes a stopped one. The handler arms a timer made
// beforehand, which sends SIGKILL. That needs no thread, and unlike PR_SET_PDEATHSIG does not depend on the thread
// that started the worker.
//
// Thread safety: one thread at a time.
// Invariants: no other child of the host holds the write end (os/fork_guard.hpp).
#pragma once

#include <chrono>
#include <utility>

#include "os/fork_guard.hpp"
#include "os/pipe.hpp"

namespace coproc::inline v0::process {

/// How long a worker may go on after its host's end. Its calls throw HostDiedError in this time.
inline constexpr std::chrono::milliseconds kHostGoneGrace{500};

class Lifeline final : public os::ForkSensitive {
 public:
  /// Call in the host, before the fork. Throws std::system_error.
  Lifeline() : Lifeline(os::ForkLock()) {}

  /// In a worker that is no fork of its host: takes the read end that was sent to it.
  explicit Lifeline(os::Fd read_end) noexcept { pipe_.read_end = std::move(read_end); }

  const os::Fd& read_end() const noexcept { return pipe_.read_end; }
  /// Call in the host once the worker has its end: closes the worker's end here.
  void keep_host_end() noexcept;
  /// Call once, in the worker: from now on it ends at most `grace` after its host. Does not return if the host is gone
  /// already. With a grace of 0 the kernel kills it at once. Throws std::system_error.
  void end_with_host(std::chrono::nanoseconds grace = kHostGoneGrace);

 private:
  explicit Lifeline(const os::ForkLock& no_fork_before_it_is_registered);
  void leave_in_child() noexcept override;
  void list_fds(std::vector<int>& fds) const override;

  os::Pipe pipe_;
  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::process
