// fstat(2) by its own system call.
//
// The C library makes it of newfstatat, which takes a path. A filter cannot look at paths, so that one which refuses
// files has to refuse that call, also for descriptors.
//
// Thread safety: a free function.
#pragma once

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coproc::inline v0::os {

/// Returns 0, or -1 and sets errno.
inline int stat_of(int fd, struct stat& status) noexcept {
  static_assert(sizeof(void*) == 8, "elsewhere the kernel's structure is another one");
  return static_cast<int>(::syscall(SYS_fstat, fd, &status));
}

}  // namespace coproc::inline v0::os
