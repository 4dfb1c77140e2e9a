// What a program wants to be called in the middle of waits.
//
// Thread safety: free functions.
#pragma once

#include <chrono>

#include "os/poll.hpp"

namespace coproc::inline v0::os {

/// Null: none.
void set_wait_hook(void (*hook)()) noexcept;

/// poll_once() for who may call the hook: never longer than 100 ms where there is one. `timed_out` is then only the end of this
/// slice, and `interrupted` no news. To be followed by run_wait_hook(), when what was begun for the sleep is ended.
/// `may_unwind`: a thread that is cancelled ends here; not for what a destructor may call.
PollEnd poll_slice(std::span<pollfd> fds, const Deadline& deadline, bool may_unwind);

/// After a slice that found nothing: calls the hook, which may throw.
void run_wait_hook();

}  // namespace coproc::inline v0::os
