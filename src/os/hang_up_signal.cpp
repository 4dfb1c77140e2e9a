#include "os/hang_up_signal.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/poll.hpp"

namespace coproc::inline v0::os {

void signal_on_change(const Fd& read_end, int signal) {
  const int fd = read_end.get();
  const pid_t self = ::getpid();
  if (call_retried([&] { return ::fcntl(fd, F_SETOWN, self); }) != 0) throw_errno("fcntl", fd, "F_SETOWN", self);
  if (call_retried([&] { return ::fcntl(fd, F_SETSIG, signal); }) != 0) throw_errno("fcntl", fd, "F_SETSIG", signal);
  const int flags = call_retried([&] { return ::fcntl(fd, F_GETFL); });
  if (flags < 0) throw_errno("fcntl", fd, "F_GETFL");
  if (call_retried([&] { return ::fcntl(fd, F_SETFL, flags | O_ASYNC | O_NONBLOCK); }) != 0) {
    throw_errno("fcntl", fd, "F_SETFL", "O_ASYNC|O_NONBLOCK");
  }
}

bool is_hung_up(int read_end) noexcept {
  const int saved = errno;
  // Not by a read: if the program has closed the pipe and its number leads to another file, nothing may be taken from
  // that.
  pollfd entry = {read_end, POLLIN, 0};
  constexpr timespec kAtOnce{0, 0};
  const int ready = call_retried([&] { return poll_within({&entry, 1}, &kAtOnce); });
  errno = saved;
  return ready == 1 && (entry.revents & POLLHUP) != 0;
}

}  // namespace coproc::inline v0::os
