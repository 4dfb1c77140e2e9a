// Sends bytes together with descriptors over a Unix socket.
//
// Thread safety: one thread at a time for each end.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "os/clock.hpp"
#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// The kernel's limit for one message (SCM_MAX_FD).
inline constexpr std::size_t kMostFdsAtOnce = 253;

/// Sends all of `bytes` (at least one), with copies of `fds` attached to the first. Waits for space at most until
/// `deadline`. False: the other end is gone. Never raises SIGPIPE. Throws std::system_error, ETIMEDOUT when the time
/// is over.
bool send_with_fds(const Fd& socket, std::span<const std::byte> bytes, std::span<const int> fds,
                   const Deadline& deadline);

/// Waits for `bytes` bytes and appends the descriptors that come with them, each close-on-exec and above the standard
/// ones. False: the other end is gone. Throws std::system_error.
bool receive_with_fds(const Fd& socket, std::span<std::byte> bytes, std::vector<Fd>& fds);

/// The process that made this socket pair, and its user.
struct PeerProcess {
  int pid;
  unsigned uid;
};
/// Throws std::system_error if `socket` is no connected Unix socket.
PeerProcess peer_of(const Fd& socket);

}  // namespace coproc::inline v0::os
