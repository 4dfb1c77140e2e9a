// Waits for descriptors.
//
// Thread safety: free function.
#pragma once

#include <poll.h>

#include <span>

#include "os/clock.hpp"

namespace coproc::inline v0::os {

enum class PollEnd {
  ready,  ///< at least one `revents` is not zero
  timed_out,
  interrupted,  ///< by a signal: the caller decides whether to wait on
};

/// One ppoll. Entries with fd -1 are ignored. Throws std::system_error.
PollEnd poll_once(std::span<pollfd> fds, const Deadline& deadline);
/// The same, in which a thread that is cancelled ends (see NoCancel): it is unwound from here.
PollEnd poll_or_unwind(std::span<pollfd> fds, const Deadline& deadline);

}  // namespace coproc::inline v0::os
