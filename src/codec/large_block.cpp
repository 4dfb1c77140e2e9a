#include "coproc/detail/large_block.hpp"

#include "os/memory.hpp"

namespace coproc::inline v0::detail {

void prefer_huge_pages(void* data, std::size_t bytes) noexcept {
  os::prefer_huge_pages(static_cast<std::byte*>(data), bytes);
}

}  // namespace coproc::inline v0::detail
