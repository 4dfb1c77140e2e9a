// A descriptor that is readable once a time has passed.
//
// Thread safety: one thread at a time.
#pragma once

#include <chrono>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

class TimerFd {
 public:
  /// Throws std::system_error.
  explicit TimerFd(std::chrono::nanoseconds delay);
  /// Readable once the time has passed.
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace coproc::inline v0::os
