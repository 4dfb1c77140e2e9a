#include "os/stream.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

void set_non_blocking(int fd) {
  const int flags = call_once([&] { return ::fcntl(fd, F_GETFL); });
  if (flags < 0 || call_once([&] { return ::fcntl(fd, F_SETFL, flags | O_NONBLOCK); }) != 0) {
    throw_errno("fcntl", fd, "F_SETFL", "O_NONBLOCK");
  }
}

Moved read_some(int fd, std::span<std::byte> to) noexcept {
  const ssize_t got = call_retried([&] { return ::read(fd, to.data(), to.size()); });
  if (got > 0) return {static_cast<std::size_t>(got), false};
  return {0, got == 0 || errno != EAGAIN};
}

Moved write_some(int fd, std::span<const std::byte> from) noexcept {
  const ssize_t written = call_retried([&] { return ::write(fd, from.data(), from.size()); });
  if (written >= 0) return {static_cast<std::size_t>(written), false};
  return {0, errno != EAGAIN};
}

}  // namespace coproc::inline v0::os
