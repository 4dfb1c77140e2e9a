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

/// ppoll without a signal mask, and not through the seam of fault.hpp. It holds where the kernel refuses ppoll: for more entries,
/// also those without a descriptor, than RLIMIT_NOFILE allows when it is called. There it knows POLLIN, POLLOUT, POLLHUP of
/// what is readable, and POLLNVAL, for descriptors below 16,384. May be called in a signal handler.
/// A thread that is cancelled is unwound from here (see NoCancel): it is not `noexcept`.
int poll_within(std::span<pollfd> fds, const timespec* limit);

/// One poll_within(). Entries with fd -1 are ignored. Throws std::system_error.
PollEnd poll_once(std::span<pollfd> fds, const Deadline& deadline);
/// The same, in which a thread that is cancelled ends (see NoCancel): it is unwound from here.
PollEnd poll_or_unwind(std::span<pollfd> fds, const Deadline& deadline);

}  // namespace coproc::inline v0::os
