// A number that nobody else knows, for defences against peers that would exploit a number they can foresee.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>

namespace coproc::inline v0::os {

/// From the kernel, or else from the time. Not for cryptography.
std::uint64_t random_number() noexcept;

/// From 0 to 1, without 1.
inline double random_share() noexcept { return static_cast<double>(random_number() >> 11) * 0x1p-53; }

/// Seeds rand, random and drand48. Takes a lock of the C library's.
void seed_c_library(std::uint64_t seed) noexcept;

}  // namespace coproc::inline v0::os
