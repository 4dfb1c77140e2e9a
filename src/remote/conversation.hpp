// Whole messages over the socket between a host and its near agent.
//
//   0 bytes  u64   of the message that follows
//
// Thread safety: free functions; one thread at a time for each direction of a socket.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/fd_passing.hpp"
#include "os/socket_pair.hpp"

namespace coproc::inline v0::remote {

/// Of messages to the host. A request to an agent may be as large as its arguments are.
inline constexpr std::uint64_t kMostMessageBytes = std::uint64_t{1} << 20;

/// False: the other end is gone. Throws std::system_error.
inline bool send_message(const os::Fd& socket, std::string_view bytes, std::span<const int> fds,
                         const os::Deadline& deadline) {
  const std::uint64_t size = bytes.size();
  return os::send_with_fds(socket, std::as_bytes(std::span(&size, 1)), fds, deadline) &&
         (bytes.empty() || os::send_with_fds(socket, std::as_bytes(std::span(bytes)), {}, deadline));
}

/// Waits for the next message, at most until the deadline. nullopt: none came, or the other end is gone.
inline std::optional<std::string> receive_message(const os::Fd& socket, const os::Deadline& deadline) {
  std::uint64_t size = 0;
  if (os::receive_until(socket, &size, sizeof size, deadline) != sizeof size || size > kMostMessageBytes) {
    return std::nullopt;
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (os::receive_until(socket, bytes.data(), bytes.size(), deadline) != bytes.size()) return std::nullopt;
  return bytes;
}

}  // namespace coproc::inline v0::remote
