// How much of the heap this program has taken and not given back, and the most since it was last asked.
//
// Thread safety: any thread.
#pragma once

#include <cstddef>

namespace hostile {

std::size_t allocated_bytes() noexcept;
/// Exact under the address sanitizer; otherwise the most that any call of this function has seen.
std::size_t peak_allocated_bytes() noexcept;
void forget_peak() noexcept;

}  // namespace hostile
