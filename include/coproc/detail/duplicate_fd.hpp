// A copy of a descriptor, for loops that want to own what they wait for.
#pragma once

#include "coproc/export.hpp"

namespace coproc::inline v0::detail {

/// A copy of the descriptor, close-on-exec, which the caller owns. Throws SystemLimitError.
COPROC_API int duplicate_fd(int fd);

}  // namespace coproc::inline v0::detail
