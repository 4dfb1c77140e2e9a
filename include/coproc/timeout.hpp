// The longest time for which a call may wait.
#pragma once

#include <chrono>
#include <cstdint>

#include "coproc/detail/ordered_bits.hpp"

namespace coproc::inline v0 {

/// A time-out, which converts from any std::chrono duration (`100ms`, `0.5s`, `hours::max()`). A value that is too
/// large means "for ever"; zero and negative values mean that the call does not wait.
struct Timeout {
  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> duration) noexcept  // NOLINT: implicit on purpose
      : ns(nanoseconds_of(duration)) {}

  std::chrono::nanoseconds ns;

 private:
  template <class Rep, class Period>
  static constexpr std::chrono::nanoseconds nanoseconds_of(std::chrono::duration<Rep, Period> duration) noexcept {
    const std::int64_t seconds = detail::ordered_bits(std::chrono::duration<double>(duration).count());
    if (seconds <= 0 || detail::is_nan_bits(seconds)) return std::chrono::nanoseconds::zero();
    if (seconds >= detail::ordered_bits(9e9)) return (std::chrono::nanoseconds::max)();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(duration);
  }
};

inline constexpr Timeout kForever{(std::chrono::nanoseconds::max)()};

}  // namespace coproc::inline v0
