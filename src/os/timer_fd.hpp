// A descriptor that is readable once a time has passed.
//
// Thread safety: one thread at a time.
#pragma once

#include <chrono>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

class TimerFd {
 public:
  /// Not set. Throws std::system_error.
  TimerFd();
  /// The same, and set. Throws std::system_error.
  explicit TimerFd(std::chrono::nanoseconds delay) : TimerFd() { set(delay); }
  /// From now on it is readable once this time has passed, and not before. Throws std::system_error.
  void set(std::chrono::nanoseconds delay);
  /// From now on it is not readable. Throws std::system_error.
  void clear();
  void close() noexcept { fd_.reset(); }
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace coproc::inline v0::os
