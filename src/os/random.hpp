// A number that nobody else knows, for defences against peers that would exploit a number they can foresee.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>

namespace coproc::inline v0::os {

/// From the kernel, or else from the time. Not for cryptography.
std::uint64_t random_number() noexcept;

/// Seeds rand, random and drand48. Takes a lock of the C library's.
void seed_c_library(std::uint64_t seed) noexcept;

}  // namespace coproc::inline v0::os
