// Closes ranges of descriptors, by whatever means the system has.
//
// Thread safety: any thread, and a child by vfork: allocates and throws nothing.
#pragma once

namespace coproc::inline v0::os {

inline constexpr unsigned kLastFd = ~0U;

/// Closes the descriptors from `first` to `last`. If the system has no close_range or refuses it, closes those that
/// /proc lists; without /proc, all numbers that are likely.
void close_fds(unsigned first, unsigned last) noexcept;

}  // namespace coproc::inline v0::os
