// For programs whose runtime has signal handling of its own, as interpreters have.
#pragma once

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// Called in every thread that waits in a call of this library, whenever a signal has interrupted it and at least every
/// 100 ms: time to run what the runtime has put off. What it throws ends the wait and loses nothing; sends have sent
/// nothing. Null: none. One for the whole process; forked children keep it.
using WaitHook = void (*)();
COPROC_API void set_wait_hook(WaitHook hook) noexcept;

}  // namespace coproc::inline v0
