// Waits for descriptors.
//
// Thread safety: free function.
#pragma once

#include <poll.h>
#include <time.h>

#include <span>

#include "os/clock.hpp"

namespace coproc::inline v0::os {

enum class PollEnd {
  ready,  ///< at least one `revents` is not zero
  timed_out,
  interrupted,  ///< by a signal: the caller decides whether to wait on
};

/// ppoll without a signal mask, and not counted by fault.hpp. Works also if the kernel refuses ppoll, as it does for
/// more entries (even without descriptors) than RLIMIT_NOFILE allows at the moment. Then it supports POLLIN, POLLOUT,
/// POLLHUP of what is readable, and POLLNVAL, for descriptors below 16,384. May be called in a signal handler. A
/// thread that is cancelled is unwound from here (see NoCancel), so that it is not `noexcept`.
int poll_within(std::span<pollfd> fds, const timespec* limit);

/// Calls poll_within() once, in a thread that is not cancelled. Entries with fd -1 are ignored. Throws
/// std::system_error.
PollEnd poll_once(std::span<pollfd> fds, const Deadline& deadline);
/// The same, but a thread that is cancelled is unwound from here (see NoCancel).
PollEnd poll_or_unwind(std::span<pollfd> fds, const Deadline& deadline);

}  // namespace coproc::inline v0::os
