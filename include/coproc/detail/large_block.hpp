// Memory of large blocks, which is filled as soon as it is there.
//
// Thread safety: any thread.
#pragma once

#include <cstddef>

#include "coproc/export.hpp"

namespace coproc::inline v0::detail {

/// Bytes. From this size on, most of the time of a copy may go into page faults of its destination.
inline constexpr std::size_t kLargeBlock = std::size_t{4} << 20;

/// Asks the system for huge pages in this memory, which the caller will fill as a whole. If it has none, nothing
/// changes.
COPROC_API void prefer_huge_pages(void* data, std::size_t bytes) noexcept;

}  // namespace coproc::inline v0::detail
