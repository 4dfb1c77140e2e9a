// Closes ranges of descriptors, in whatever way the system has.
//
// Thread safety: any thread, and a child by vfork: allocates and throws nothing.
#pragma once

namespace coproc::inline v0::os {

inline constexpr unsigned kLastFd = ~0U;

/// Closes those from `first` to `last`. Where the system has no close_range, or refuses it, those that /proc lists; where
/// there is none either, all numbers that are likely.
void close_fds(unsigned first, unsigned last) noexcept;

}  // namespace coproc::inline v0::os
