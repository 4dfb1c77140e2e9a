// The initialisation of programs in which coproc cannot run code before main.
#pragma once

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// Call this first in the main of a program that is linked with -static, or against another C library than glibc. If
/// this process was executed to become a worker or a fork server, the call does not return; otherwise it does nothing.
/// In all other programs the same happens before main, and the call does nothing.
COPROC_API void init(int argc, char** argv);

}  // namespace coproc::inline v0
