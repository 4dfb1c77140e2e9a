// Sends a signal to this process after a time.
//
// Thread safety: arm() and disarm() may be called in a signal handler.
#pragma once

#include <time.h>

#include <chrono>

namespace coproc::inline v0::os {

class SignalTimer {
 public:
  /// Throws std::system_error.
  explicit SignalTimer(int signal, clockid_t clock = CLOCK_MONOTONIC);
  SignalTimer(const SignalTimer&) = delete;
  SignalTimer& operator=(const SignalTimer&) = delete;
  ~SignalTimer();

  /// Starts anew if it was armed. Takes at least a nanosecond: zero would disarm the timer.
  void arm(std::chrono::nanoseconds delay) noexcept;
  void disarm() noexcept { arm(std::chrono::nanoseconds::zero()); }

 private:
  timer_t timer_{};
};

}  // namespace coproc::inline v0::os
