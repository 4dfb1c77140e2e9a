// A hook in every wait, for programs whose runtime handles signals itself, such as interpreters.
#pragma once

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// A function that is called in every thread that waits in a call of this library, whenever a signal has interrupted
/// the wait and at least every 100 ms, so that the runtime can handle signals. An exception of the hook ends the wait;
/// nothing is lost, and a send has sent nothing. There is one hook for the whole process, which forked children keep.
/// Null removes it.
using WaitHook = void (*)();
COPROC_API void set_wait_hook(WaitHook hook) noexcept;

}  // namespace coproc::inline v0
