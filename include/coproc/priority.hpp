// The priority of a message: any number, compared exactly.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "coproc/detail/ordered_bits.hpp"

namespace coproc::inline v0 {

/// The priority of a message: a number, of which lower ones are returned first. Every integer and floating-point number
/// is kept exactly, even 64-bit integers that no double can hold, such as timestamps in nanoseconds; only a long double
/// is rounded to a double. A default-constructed priority is minus infinity, the most urgent one.
///
/// Invariants: `nearest_` holds the double that is closest to the number, as an integer with the same order. `rest_` is
/// the difference of the number and that double. Rounding keeps the order, so a comparison of `nearest_` and then of
/// `rest_` compares the numbers.
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
      // Numbers that round up to 2^63 or 2^64 leave the range of the integer: there the rest is counted down from that
      // end.
      constexpr double kEnd = std::is_signed_v<Integer> ? 9223372036854775808.0 : 18446744073709551616.0;
      if (nearest >= kEnd) {
        constexpr Integer kLast = (std::numeric_limits<Integer>::max)();
        rest_ = static_cast<std::int16_t>(-static_cast<std::int64_t>(kLast - number) - 1);
      } else {
        rest_ = static_cast<std::int16_t>(static_cast<std::int64_t>(number - static_cast<Integer>(nearest)));
      }
    }
  }

  /// Makes a priority from the two parts that a peer has sent. For the link.
  static constexpr Priority from_parts(double nearest, std::int16_t rest) noexcept {
    Priority result;
    result.nearest_ = detail::ordered_bits(nearest);
    result.rest_ = rest;
    return result;
  }

  /// The double that is closest to the number.
  constexpr double value() const noexcept { return detail::from_ordered_bits(nearest_); }
  constexpr std::int16_t rest() const noexcept { return rest_; }
  constexpr bool is_nan() const noexcept { return detail::is_nan_bits(nearest_); }

  friend constexpr bool operator==(Priority, Priority) noexcept = default;
  // Written out, since the compiler makes more than twice as many instructions of <=>, and every message with a
  // priority is compared.
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
