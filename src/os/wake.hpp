// Wake-up calls between two processes: each has one end of a socket pair, sends bytes that say nothing, and polls for those of the other.
//
// One descriptor for both directions: a host with hundreds of workers has not enough of them for two pipes each.
//
// Thread safety: any thread.
// Security considerations: no call waits, whatever whoever shares the socket has set, and what comes is thrown away, descriptors as well.
#pragma once

#include "os/fd.hpp"

namespace coproc::inline v0::os {

enum class Wake {
  sent,
  full,    ///< the sleeper has more wake-up calls than it can hold: it will wake
  broken,  ///< nobody has the other end any more
  lost,    ///< this process has closed its end
};
/// Sends one byte. Never raises SIGPIPE.
Wake send_wake(const Fd& end) noexcept;

enum class Drained { nothing, some, hung_up, lost };
/// Takes the wake-up calls out. `hung_up`: nobody has the other end any more (or nothing can be received). `lost`: this process
/// has closed its end.
Drained drain_wakes(const Fd& end) noexcept;

/// Whether it can be such an end: a local stream socket.
bool is_wake_end(const Fd& fd) noexcept;

}  // namespace coproc::inline v0::os
