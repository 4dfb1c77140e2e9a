#include "os/wake.hpp"

#include <sys/socket.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

Wake send_wake(const Fd& end) noexcept {
  if (!end.is_own()) return Wake::lost;
  const int saved = errno;
  const char byte = 1;
  const ssize_t sent = call_retried([&] { return ::send(end.get(), &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT); });
  const Wake result = sent == 1 ? Wake::sent : errno == EAGAIN ? Wake::full : Wake::broken;
  errno = saved;
  return result;
}

Drained drain_wakes(const Fd& end) noexcept {
  if (!end.is_own()) return Drained::lost;
  constexpr int kMostRounds = 1024;  // a peer that keeps sending cannot keep us here
  const int saved = errno;
  Drained result = Drained::nothing;
  for (int round = 0; round < kMostRounds; ++round) {
    char bytes[64];
    const ssize_t got = call_retried([&] { return ::recv(end.get(), bytes, sizeof bytes, MSG_DONTWAIT); });
    if (got == 0 || (got < 0 && errno != EAGAIN)) result = Drained::hung_up;
    if (got > 0) result = Drained::some;
    if (got != static_cast<ssize_t>(sizeof bytes)) break;
  }
  errno = saved;
  return result;
}

bool is_wake_end(const Fd& fd) noexcept {
  const int saved = errno;
  const auto is = [&](int option, int wanted) {
    int value = -1;
    socklen_t size = sizeof value;
    return call_once([&] { return ::getsockopt(fd.get(), SOL_SOCKET, option, &value, &size); }) == 0 && value == wanted;
  };
  const bool result = is(SO_DOMAIN, AF_UNIX) && is(SO_TYPE, SOCK_STREAM);
  errno = saved;
  return result;
}

}  // namespace coproc::inline v0::os
