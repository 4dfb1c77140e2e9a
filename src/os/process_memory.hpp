// How much memory a process takes.
//
// Thread safety: free functions.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace coproc::inline v0::os {

/// Resident bytes of a living process, now and at most since its start; zeros if the system does not tell.
struct ProcessMemory {
  std::size_t now = 0;
  std::size_t peak = 0;
};
ProcessMemory memory_of(pid_t pid);

}  // namespace coproc::inline v0::os
