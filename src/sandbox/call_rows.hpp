// The parts from which the rows of the table are made.
//
// Thread safety: constants.
#pragma once

#include <cstdint>
#include <span>

#include "sandbox/calls.hpp"

namespace coproc::inline v0::sandbox {

/// Of an argument that is an int the kernel reads the lower half.
inline constexpr std::uint64_t kInt = 0xFFFFFFFF, kPointer = ~std::uint64_t{0};

/// An argument whose bits of `mask` are `value`.
constexpr Condition is(std::uint8_t argument, std::uint64_t value, std::uint64_t mask = kInt) {
  return {argument, mask, value, false};
}
/// An argument that is the number of this process.
constexpr Condition is_own(std::uint8_t argument) { return {argument, kInt, 0, true}; }

std::span<const Call> calls_inside() noexcept;
std::span<const Call> calls_outward() noexcept;

}  // namespace coproc::inline v0::sandbox
