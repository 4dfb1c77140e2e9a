// Counts what the test program takes from the heap, by replacing the global operator new.
//
// Thread safety: any thread; the counts are of the whole program.
#pragma once

#include <cstddef>

namespace coproc_test {

/// Allocations so far, and how many of them are not freed yet.
std::size_t allocations() noexcept;
std::size_t live_allocations() noexcept;
/// Calls of malloc, calloc and realloc so far, those by operator new among them; always 0 under the sanitizers, which
/// have a heap of their own.
std::size_t heap_calls() noexcept;

}  // namespace coproc_test
