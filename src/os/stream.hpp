// Bytes through pipes and sockets, without waiting.
//
// Thread safety: free functions. A write to a pipe that nobody reads raises SIGPIPE, unless the caller blocks it.
#pragma once

#include <cstddef>
#include <span>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// Reads and writes through this file description no longer wait. Throws std::system_error.
void set_non_blocking(int fd);

struct Moved {
  std::size_t bytes = 0;
  bool is_over = false;  // nothing more can come or go
};
/// Reads what is there, as much as there is room for. REQUIRES: `to` is not empty.
Moved read_some(int fd, std::span<std::byte> to) noexcept;
/// Writes as much as there is room for. REQUIRES: `from` is not empty.
Moved write_some(int fd, std::span<const std::byte> from) noexcept;
/// The same for a socket, whether or not its file description waits. Raises no SIGPIPE.
Moved send_some(int socket, std::span<const std::byte> from) noexcept;

bool is_socket(int fd) noexcept;

/// A file description of its own for the pipe or terminal that `fd` leads to. Writes through it do not wait, while
/// those of others who share `fd` do as before. No descriptor: it leads to neither, or cannot be opened.
Fd open_anew_to_write(int fd) noexcept;

}  // namespace coproc::inline v0::os
