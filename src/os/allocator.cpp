#include "os/allocator.hpp"

#include <malloc.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace coproc::inline v0::os {

namespace {

/// Below the size from which glibc may map a block by itself.
constexpr std::size_t kBlockBytes = 126'000;
/// A thread keeps up to 128 KiB, and up to 64 MiB in a process that has freed large blocks. glibc does not tell.
constexpr std::size_t kBlocks = (std::size_t{64} << 20) / kBlockBytes;

void allocate_and_free() noexcept {
  std::array<void* volatile, kBlocks> blocks{};  // volatile: or else the compiler leaves both out
  for (auto& block : blocks) block = std::malloc(kBlockBytes);
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) std::free(*block);
}

}  // namespace

void read_allocator_settings() noexcept {
  // The memory of this thread is of the kind that another thread has if allocations of the program have failed before.
  allocate_and_free();
  try {
    std::thread(&allocate_and_free).join();
  } catch (const std::system_error&) {
    // The process may have no more threads. Then no other thread will return memory.
  }
}

void keep_freed_memory(int bytes) noexcept { (void)::mallopt(M_TRIM_THRESHOLD, bytes); }

}  // namespace coproc::inline v0::os
