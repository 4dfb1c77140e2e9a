// Floating-point numbers as integers in the same order.
//
// For numbers that may be infinite, or none at all: a program may be compiled with -ffast-math, after which comparisons of these mean
// nothing, and those of tiny ones neither. What is inline is compiled so in every such program.
#pragma once

#include <bit>
#include <cstdint>

namespace coproc::inline v0::detail {

/// Rises with the number. Both zeros have 0.
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
/// Whether they are of something that is not a number.
constexpr bool is_nan_bits(std::int64_t bits) noexcept {
  return bits > kOrderedInfinity || bits < kOrderedMinusInfinity;
}

}  // namespace coproc::inline v0::detail
