// The kernel's number of a thread.
//
// Thread safety: a free function.
#pragma once

#include <cstdint>

namespace coproc::inline v0::os {

/// The number of this thread, as `ps -L` shows it. Asks the kernel once in each thread of each process.
std::uint32_t thread_number() noexcept;

}  // namespace coproc::inline v0::os
