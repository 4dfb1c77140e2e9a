// The end of what a process writes to its stderr: a pipe whose last 4 KiB are kept.
//
// Thread safety: one thread at a time.
// Invariants: no other child of the host holds the read end (os/fork_guard.hpp).
#pragma once

#include <cstddef>
#include <string>

#include "os/fork_guard.hpp"
#include "os/pipe.hpp"

namespace coproc::inline v0::process {

class StderrTail final : public os::ForkSensitive {
 public:
  static constexpr std::size_t kBytes = 4096;

  /// Throws std::system_error.
  StderrTail() : StderrTail(os::ForkLock()) {}

  /// To become the process's stderr. It is blocking, so that nothing that it writes is lost.
  const os::Fd& write_end() const noexcept { return pipe_.write_end; }
  void close_write_end() noexcept { pipe_.write_end.reset(); }
  /// Readable when there is something to drain; -1: everybody has closed the write end.
  int fd() const noexcept { return pipe_.read_end.get(); }
  /// Takes in what has come. Never waits: not for the end either, which a grandchild may put off.
  void drain() noexcept;
  const std::string& text() const noexcept { return text_; }

 private:
  explicit StderrTail(const os::ForkLock&);
  void leave_in_child() noexcept override;

  os::Pipe pipe_;
  std::string text_;
  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::process
