// Floating-point numbers as integers in the same order.
//
// A program may be compiled with -ffast-math, and inline functions with it. Then comparisons of infinities, NaNs and
// tiny numbers are not reliable, but comparisons of these integers are.
#pragma once

#include <bit>
#include <cstdint>

namespace coproc::inline v0::detail {

/// An integer that is greater for a greater number. It is 0 for both zeros.
constexpr std::int64_t ordered_bits(double number) noexcept {
  const auto bits = std::bit_cast<std::int64_t>(number);
  constexpr std::int64_t kSign = INT64_MIN, kOthers = INT64_MAX;
  return bits >= 0 ? bits : bits == kSign ? 0 : bits ^ kOthers;
}
constexpr double from_ordered_bits(std::int64_t bits) noexcept {
  return std::bit_cast<double>(bits >= 0 ? bits : bits ^ INT64_MAX);
}

inline constexpr std::int64_t kOrderedInfinity = 0x7FF0'0000'0000'0000;
inline constexpr std::int64_t kOrderedMinusInfinity = -kOrderedInfinity - 1;
/// Whether the bits are those of a NaN.
constexpr bool is_nan_bits(std::int64_t bits) noexcept {
  return bits > kOrderedInfinity || bits < kOrderedMinusInfinity;
}

}  // namespace coproc::inline v0::detail
