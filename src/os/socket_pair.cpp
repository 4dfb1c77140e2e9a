#include "os/socket_pair.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/poll.hpp"

namespace coproc::inline v0::os {

SocketPair SocketPair::create() {
  int fds[2];
  if (call_once([&] { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds); }) != 0) {
    throw_errno("socketpair", "AF_UNIX", "SOCK_STREAM|SOCK_CLOEXEC");
  }
  Fd first(fds[0]);
  Fd second(fds[1]);
  return {above_stdio(std::move(first)), above_stdio(std::move(second))};
}

bool send_all(const Fd& socket, const void* data, std::size_t bytes) noexcept {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t sent = call_retried([&] { return ::send(socket.get(), next, bytes, MSG_NOSIGNAL); });
    if (sent <= 0) return false;
    next += sent;
    bytes -= static_cast<std::size_t>(sent);
  }
  return true;
}

std::size_t receive_until(const Fd& socket, void* data, std::size_t bytes, const Deadline& deadline) noexcept {
  char* next = static_cast<char*>(data);
  std::size_t total = 0;
  while (total < bytes) {
    // Checks the time only if there is a limit. Without one the call itself waits.
    const int flags = deadline.is_forever() ? 0 : MSG_DONTWAIT;
    const ssize_t got = call_retried([&] { return ::recv(socket.get(), next + total, bytes - total, flags); });
    if (got < 0 && errno == EAGAIN) {
      pollfd entry = {socket.get(), POLLIN, 0};
      const auto left = std::min<std::chrono::nanoseconds>(deadline.remaining(), std::chrono::milliseconds(999));
      if (deadline.passed()) break;
      const timespec limit{0, static_cast<long>(left.count())};
      (void)call_retried([&] { return poll_within({&entry, 1}, &limit); });
      continue;
    }
    if (got <= 0) break;
    total += static_cast<std::size_t>(got);
  }
  return total;
}

std::optional<std::size_t> receive_now(const Fd& socket, void* data, std::size_t bytes) noexcept {
  const ssize_t got = call_retried([&] { return ::recv(socket.get(), data, bytes, MSG_DONTWAIT); });
  if (got >= 0) return static_cast<std::size_t>(got);
  return errno == EAGAIN ? std::nullopt : std::optional<std::size_t>(0);
}

std::size_t receive_all(const Fd& socket, void* data, std::size_t bytes) noexcept {
  return receive_until(socket, data, bytes, Deadline::forever());
}

}  // namespace coproc::inline v0::os
