// Counts what the test program takes from the heap, by replacing the global operator new.
//
// Thread safety: any thread; the counts are of the whole program.
#pragma once

#include <cstddef>

namespace coproc_test {

/// Allocations so far, and how many of them are not freed yet.
std::size_t allocations() noexcept;
std::size_t live_allocations() noexcept;

}  // namespace coproc_test
