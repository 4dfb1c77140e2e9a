#include "messenger/queues/allocation_count.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "os/sanitizer.hpp"

namespace {
// Relaxed: they publish nothing but themselves.
std::atomic<std::size_t> made{0};
std::atomic<std::size_t> freed{0};
std::atomic<std::size_t> called{0};

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  freed.fetch_add(1, std::memory_order_relaxed);
  std::free(memory);
}
}  // namespace

#if !defined(COPROC_HAS_ADDRESS_SANITIZER) && !defined(COPROC_HAS_THREAD_SANITIZER)
#define COUNTS_HEAP_CALLS
extern "C" {
void* __libc_malloc(std::size_t) noexcept;
void* __libc_calloc(std::size_t, std::size_t) noexcept;
void* __libc_realloc(void*, std::size_t) noexcept;

void* malloc(std::size_t bytes) noexcept {
  called.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  called.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) noexcept {
  called.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
}
#endif

// The array forms of the standard library call these. A sanitizer has nothrow forms of its own, which do not.
void* operator new(std::size_t bytes) {
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  made.fetch_add(1, std::memory_order_relaxed);
  return memory;
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return ::operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }

namespace coproc_test {

std::size_t allocations() noexcept { return made.load(std::memory_order_relaxed); }
std::size_t live_allocations() noexcept { return allocations() - freed.load(std::memory_order_relaxed); }
std::size_t heap_calls() noexcept { return called.load(std::memory_order_relaxed); }

}  // namespace coproc_test

TEST(AllocationCount, SeesWhatIsTakenAndGivenBack) {
  const std::size_t made_before = coproc_test::allocations();
  const std::size_t live_before = coproc_test::live_allocations();
  {
    std::vector<std::unique_ptr<int>> values;
    values.reserve(3);
    for (int i = 0; i < 3; ++i) values.push_back(std::make_unique<int>(i));
    EXPECT_EQ(coproc_test::live_allocations(), live_before + 4);
  }
  EXPECT_EQ(coproc_test::live_allocations(), live_before);
  EXPECT_EQ(coproc_test::allocations(), made_before + 4);
}

#ifdef COUNTS_HEAP_CALLS
TEST(AllocationCount, SeesCallsOfMallocAndRealloc) {
  const std::size_t before = coproc_test::heap_calls();
  void* volatile memory = std::malloc(8);
  memory = std::realloc(memory, 16);
  std::free(memory);
  EXPECT_EQ(coproc_test::heap_calls(), before + 2);
}
#endif
