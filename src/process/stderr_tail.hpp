// Keeps the last of what a child prints to its stderr: a pipe, of which the host reads and keeps the tail.
//
// No thread reads it. Calls that wait for the child poll fd() and call drain(). A child that prints more than the
// pipe holds waits until somebody does so.
//
// Thread safety: drain(), fd() and text() from any thread.
// Invariants: no other child of the host holds either end (os/fork_guard.hpp). Output of the child's own children is
// kept like its own; nothing waits for them to close the pipe.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "os/fork_guard.hpp"
#include "os/mutex.hpp"
#include "os/pipe.hpp"

namespace coproc::inline v0::process {

class StderrTail final : public os::ForkSensitive {
 public:
  /// How many bytes are kept.
  static constexpr std::size_t kBytes = 4096;

  /// Throws std::system_error.
  StderrTail() : StderrTail(os::ForkLock()) {}

  /// The descriptor that has to become the child's stderr. A forked child keeps it if it keeps this object.
  int write_fd() const noexcept { return pipe_.write_end.get(); }
  /// In the host, once the child has its own: closes the child's end.
  void keep_host_end() noexcept { pipe_.write_end.reset(); }

  /// A descriptor for poll, readable when there is something to drain; -1 once nobody has the write end any more.
  int fd() const noexcept;
  /// Reads what is there; never waits. False: nobody has the write end any more, and nothing more will come.
  bool drain() noexcept;
  /// The last of what was drained, at most kBytes.
  std::string text() const;

 private:
  explicit StderrTail(const os::ForkLock& no_fork_before_it_is_registered);
  void leave_in_child() noexcept override;
  void adopt_in_child() noexcept override { pipe_.read_end.reset(); }

  os::Pipe pipe_;
  std::atomic<bool> is_at_end_{false};
  mutable os::Mutex mutex_;
  std::string text_ COPROC_GUARDED_BY(mutex_);
  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::process
