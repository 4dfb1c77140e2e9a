// Owns one file descriptor.
//
// Thread safety: one thread at a time.
// Invariants: close is called once and never retried: on Linux the descriptor is gone even where close reports EINTR,
// and a second close could hit a descriptor that another thread has just been given.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace coproc::inline v0::os {

class [[nodiscard]] Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Gives the descriptor away.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes what it has, keeps errno, and owns `fd` from now on.
  void reset(int fd = -1) noexcept {
    const int old = std::exchange(fd_, fd);
    if (old < 0) return;
    const int saved = errno;
    ::close(old);
    errno = saved;
  }

 private:
  int fd_ = -1;  // -1: none
};

/// The same open file at a number above 2. A host whose stdin is closed is given 0 for its next descriptor: a worker's
/// stdin would then be put over it. Throws std::system_error.
Fd above_stdio(Fd fd);

}  // namespace coproc::inline v0::os
