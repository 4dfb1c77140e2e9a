// Named points of the protocol, so that tests can count them and end a process at any of them.
//
// They exist only if CMake's option COPROC_TEST_STEPS is set, and otherwise compile to nothing: a message passes a
// dozen of them, and a load and a branch for each would cost the bare ring a tenth of its speed. So an installed
// library has none.
//
// Thread safety: any thread.
#pragma once

#include <atomic>

namespace coproc::inline v0 {

#ifdef COPROC_TEST_STEPS

/// Called at every step with its name; may end the process.
using StepHook = void (*)(const char* name) noexcept;
extern std::atomic<StepHook> step_hook;

inline void step(const char* name) noexcept {
  // relaxed: tests set it before they start what they watch; nothing is published through it
  if (const StepHook hook = step_hook.load(std::memory_order_relaxed)) hook(name);
}

#else

constexpr void step(const char*) noexcept {}

#endif

}  // namespace coproc::inline v0
