// The last of what a child prints to its stderr: a pipe, of which the host keeps the end of what comes.
//
// There is no thread behind it. Whoever waits for the child watches fd() and calls drain(); a child that prints more than
// the pipe holds while nobody does, waits until somebody does.
//
// Thread safety: drain(), fd() and text() from any thread.
// Invariants: no other child of the host holds either end (os/fork_guard.hpp). What the child's own children print is kept
// like its own; nothing ever waits for them to close it.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>

#include "os/fork_guard.hpp"
#include "os/pipe.hpp"

namespace coproc::inline v0::process {

class StderrTail final : public os::ForkSensitive {
 public:
  /// How much is kept.
  static constexpr std::size_t kBytes = 4096;

  /// Throws std::system_error.
  StderrTail() : StderrTail(os::ForkLock()) {}

  /// In the child this has to become descriptor 2. A forked child keeps it where this is among what it keeps.
  int write_fd() const noexcept { return pipe_.write_end.get(); }
  /// In the host, once the child has its own.
  void stay_with_host() noexcept { pipe_.write_end.reset(); }

  /// For poll: readable when there is something to drain. -1 once nobody has the other end any more.
  int fd() const noexcept;
  /// Takes out what is there; never waits. False: nobody has the other end any more, and nothing will come.
  bool drain() noexcept;
  /// The last of what was drained, at most kBytes.
  std::string text() const;

 private:
  explicit StderrTail(const os::ForkLock& no_fork_before_it_is_registered);
  void leave_in_child() noexcept override;
  void adopt_in_child() noexcept override { pipe_.read_end.reset(); }

  os::Pipe pipe_;
  std::atomic<bool> is_at_end_{false};
  mutable std::mutex mutex_;  // guards text_
  std::string text_;
  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::process
