// The priority of a message: any number, compared exactly.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "coproc/detail/ordered_bits.hpp"

namespace coproc::inline v0 {

/// A number on a message; lower is returned first. Made from any integer or floating-point number and kept exactly, also
/// for 64-bit integers that no double can hold (nanosecond stamps); a long double is rounded to a double. Without a
/// number: minus infinity, the most urgent.
///
/// Invariants: `nearest_` is the double closest to the number, in the order of integers; `rest_` what is missing to the number
/// itself. Rounding keeps order, so comparing first the one and then the other compares the numbers.
class Priority {
 public:
  constexpr Priority() noexcept = default;

  template <std::floating_point F>
  constexpr Priority(F number) noexcept  // NOLINT: implicit on purpose
      : nearest_(detail::ordered_bits(static_cast<double>(number))) {}

  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  constexpr Priority(Integer number) noexcept {  // NOLINT: implicit on purpose
    const auto nearest = static_cast<double>(number);
    nearest_ = detail::ordered_bits(nearest);
    if constexpr (sizeof(Integer) == 8) {
      // 2^63 and 2^64 round up out of range of the integer: there the rest is counted from the other side.
      constexpr double kEnd = std::is_signed_v<Integer> ? 9223372036854775808.0 : 18446744073709551616.0;
      if (nearest >= kEnd) {
        constexpr Integer kLast = (std::numeric_limits<Integer>::max)();
        rest_ = static_cast<std::int16_t>(-static_cast<std::int64_t>(kLast - number) - 1);
      } else {
        rest_ = static_cast<std::int16_t>(static_cast<std::int64_t>(number - static_cast<Integer>(nearest)));
      }
    }
  }

  /// For the link: the two parts as they were sent by a peer.
  static constexpr Priority from_parts(double nearest, std::int16_t rest) noexcept {
    Priority result;
    result.nearest_ = detail::ordered_bits(nearest);
    result.rest_ = rest;
    return result;
  }

  /// The closest double.
  constexpr double value() const noexcept { return detail::from_ordered_bits(nearest_); }
  constexpr std::int16_t rest() const noexcept { return rest_; }
  constexpr bool is_nan() const noexcept { return detail::is_nan_bits(nearest_); }

  friend constexpr bool operator==(Priority, Priority) noexcept = default;
  // Written out, where the compiler makes more than twice as much of <=>: every message with a priority is compared.
  friend constexpr bool operator<(Priority a, Priority b) noexcept {
    return a.nearest_ < b.nearest_ || (a.nearest_ == b.nearest_ && a.rest_ < b.rest_);
  }
  friend constexpr std::partial_ordering operator<=>(Priority a, Priority b) noexcept {
    if (a.is_nan() || b.is_nan()) return std::partial_ordering::unordered;
    return a.nearest_ == b.nearest_ ? a.rest_ <=> b.rest_ : a.nearest_ <=> b.nearest_;
  }

 private:
  std::int64_t nearest_ = detail::kOrderedMinusInfinity;
  std::int16_t rest_ = 0;
};

}  // namespace coproc::inline v0
