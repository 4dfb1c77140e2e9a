// Files and the standard descriptors.
//
// Thread safety: free functions.
#pragma once

#include <string_view>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// open(2) with O_CLOEXEC, above the standard descriptors. New files get mode 0666 less the umask. Throws
/// std::system_error.
Fd open_file(const char* path, int flags);

/// A copy above the standard descriptors, close-on-exec. Throws std::system_error.
Fd duplicate(int fd);

/// A copy at `least` or above, close-on-exec. Throws std::system_error.
Fd duplicate_above(int fd, int least);

/// Writes all of it, or as much as can be.
void write_all(int fd, std::string_view text) noexcept;

/// Makes `number` a copy of `fd` that stays open across exec. REQUIRES: fd != number. Throws std::system_error.
void put_at(const Fd& fd, int number);

}  // namespace coproc::inline v0::os
