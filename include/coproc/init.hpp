// For programs in which coproc cannot see main begin.
#pragma once

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// To be called first in main by programs that are linked with -static, or against another C library than glibc: where
/// this process was executed to become a worker or a fork server, it does not return. Does nothing otherwise, nor in other
/// programs, where the same happens before main.
COPROC_API void init(int argc, char** argv);

}  // namespace coproc::inline v0
