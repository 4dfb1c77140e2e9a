#include "os/stream.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

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

Moved send_some(int socket, std::span<const std::byte> from) noexcept {
  const ssize_t sent =
      call_retried([&] { return ::send(socket, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (sent >= 0) return {static_cast<std::size_t>(sent), false};
  return {0, errno != EAGAIN};
}

bool is_socket(int fd) noexcept {
  struct stat file {};
  return call_once([&] { return ::fstat(fd, &file); }) == 0 && S_ISSOCK(file.st_mode);
}

Fd open_anew_to_write(int fd) noexcept {
  struct stat file {};
  if (call_once([&] { return ::fstat(fd, &file); }) != 0) return {};
  if (!S_ISFIFO(file.st_mode) && ::isatty(fd) == 0) return {};
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return Fd(call_once([&] { return ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); }));
}

}  // namespace coproc::inline v0::os
