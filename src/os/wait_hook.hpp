// A function of the program's that is called in the middle of waits.
//
// Thread safety: free functions.
#pragma once

#include <chrono>

#include "os/poll.hpp"

namespace coproc::inline v0::os {

/// Sets the hook; null removes it.
void set_wait_hook(void (*hook)()) noexcept;

/// Like poll_once(), but if a hook is set it returns after at most 100 ms, so that `timed_out` does not mean that the
/// deadline has passed, and `interrupted` is no error. Call run_wait_hook() afterwards, once the preparations for the
/// sleep are undone. `may_unwind`: a thread that is cancelled ends here; not for calls of destructors.
PollEnd poll_slice(std::span<pollfd> fds, const Deadline& deadline, bool may_unwind);

/// Call after a slice that found nothing: calls the hook, which may throw.
void run_wait_hook();

}  // namespace coproc::inline v0::os
