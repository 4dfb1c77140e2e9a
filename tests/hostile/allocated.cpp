#include "hostile/allocated.hpp"

#include <malloc.h>

#include <atomic>

#include "os/sanitizer.hpp"

#ifdef COPROC_HAS_ADDRESS_SANITIZER
// Of <sanitizer/allocator_interface.h>, which g++'s packages do not have.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
extern "C" std::size_t __sanitizer_get_allocated_size(const volatile void*);
#endif

namespace hostile {

namespace {

// relaxed, all of them: only the numbers count
std::atomic<std::size_t> peak{0};

void note(std::size_t now) noexcept {
  std::size_t most = peak.load(std::memory_order_relaxed);
  while (now > most && !peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) {}
}

#ifdef COPROC_HAS_ADDRESS_SANITIZER
std::atomic<std::size_t> allocated{0};

void on_malloc(const volatile void*, std::size_t bytes) {
  note(allocated.fetch_add(bytes, std::memory_order_relaxed) + bytes);
}
void on_free(const volatile void* memory) {
  if (memory == nullptr) return;
  allocated.fetch_sub(__sanitizer_get_allocated_size(memory), std::memory_order_relaxed);
}
/// What was taken before is given back later: the number is right but for a constant.
const bool is_hooked = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0;
#endif

}  // namespace

std::size_t allocated_bytes() noexcept {
#ifdef COPROC_HAS_ADDRESS_SANITIZER
  return allocated.load(std::memory_order_relaxed);
#else
  const auto info = ::mallinfo2();
  note(info.uordblks + info.hblkhd);
  return info.uordblks + info.hblkhd;
#endif
}

std::size_t peak_allocated_bytes() noexcept {
  allocated_bytes();
  return peak.load(std::memory_order_relaxed);
}

void forget_peak() noexcept {
  peak.store(0, std::memory_order_relaxed);
  note(allocated_bytes());
}

}  // namespace hostile
