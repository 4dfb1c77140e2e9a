// What a lifeline is made of: a signal when the other end of a pipe is gone, and a timer that kills this process.
//
// Thread safety: set up by one thread; KillTimer::arm() and is_hung_up() may be called in a signal handler.
#pragma once

#include <time.h>

#include <chrono>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// From now on this process gets `signal` when something happens at `read_end`. Throws std::system_error.
void signal_on_change(const Fd& read_end, int signal);

/// Whether nobody has the write end of this pipe, which nobody writes to, any more.
bool is_hung_up(int read_end) noexcept;

/// Sends SIGKILL to this process some time after arm().
class KillTimer {
 public:
  /// Throws std::system_error.
  KillTimer();
  KillTimer(const KillTimer&) = delete;
  KillTimer& operator=(const KillTimer&) = delete;
  ~KillTimer();

  /// At least a nanosecond: zero would disarm it.
  void arm(std::chrono::nanoseconds delay) noexcept;

 private:
  timer_t timer_{};
};

}  // namespace coproc::inline v0::os
