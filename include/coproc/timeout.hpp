// How long a call may wait.
#pragma once

#include <chrono>

namespace coproc::inline v0 {

/// A time-out from any std::chrono duration (`100ms`, `0.5s`, `hours::max()`). Too large values saturate to "for ever",
/// negative ones mean "look once, do not wait".
struct Timeout {
  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> duration) noexcept  // NOLINT: implicit on purpose
      : ns(duration >= std::chrono::duration<double>(9e9) ? std::chrono::nanoseconds::max()
           : !(duration > std::chrono::duration<double>(0))  // also for what is not a number
               ? std::chrono::nanoseconds::zero()
               : std::chrono::duration_cast<std::chrono::nanoseconds>(duration)) {}

  std::chrono::nanoseconds ns;
};

inline constexpr Timeout kForever{std::chrono::nanoseconds::max()};

}  // namespace coproc::inline v0
