// Counts the heap allocations of the test program. It replaces the global operator new.
//
// Thread safety: all functions from any thread; the counts are of the whole program.
#pragma once

#include <cstddef>

namespace coproc_test {

/// The number of allocations so far, and the number of those that are not freed yet.
std::size_t allocations() noexcept;
std::size_t live_allocations() noexcept;
/// The number of calls of malloc, calloc and realloc so far, including those by operator new. Always 0 under the
/// sanitizers, which have a heap of their own.
std::size_t heap_calls() noexcept;

}  // namespace coproc_test
