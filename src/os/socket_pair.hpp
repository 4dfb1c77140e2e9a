// Two connected stream sockets, for a short conversation between two processes.
//
// Thread safety: one thread at a time for each end.
#pragma once

#include <cstddef>
#include <optional>

#include "os/clock.hpp"
#include "os/fd.hpp"

namespace coproc::inline v0::os {

struct SocketPair {
  Fd first;
  Fd second;
  /// Close-on-exec, blocking. Throws std::system_error.
  static SocketPair create();
};

/// Sends all bytes. False: the other end is gone. Never raises SIGPIPE. May wait.
bool send_all(const Fd& socket, const void* data, std::size_t bytes) noexcept;
/// As receive_all(), but waits at most so long.
std::size_t receive_until(const Fd& socket, void* data, std::size_t bytes, const Deadline& deadline) noexcept;
/// Takes at most so many bytes, of those that have arrived. nullopt: none have. 0: the other end is gone.
std::optional<std::size_t> receive_now(const Fd& socket, void* data, std::size_t bytes) noexcept;
/// Waits until `bytes` bytes have arrived; fewer if the other end is gone.
std::size_t receive_all(const Fd& socket, void* data, std::size_t bytes) noexcept;

}  // namespace coproc::inline v0::os
