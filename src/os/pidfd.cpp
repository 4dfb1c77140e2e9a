#include "os/pidfd.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

// By number: the C library has these wrappers only since version 2.36.

Pidfd Pidfd::open(pid_t pid) {
  Fd fd(call_retried([&] { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }));
  if (!fd) throw_errno("pidfd_open", pid);
  return Pidfd(above_stdio(std::move(fd)));
}

bool Pidfd::is_ended() const noexcept {
  const int saved = errno;
  pollfd entry = {fd_.get(), POLLIN, 0};
  const int ready = call_retried([&] { return ::poll(&entry, 1, 0); });
  errno = saved;
  return ready == 1 && (entry.revents & (POLLIN | POLLHUP)) != 0;
}

bool Pidfd::send_signal(int signal) const {
  const auto send = [&] { return ::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0); };
  if (call_retried(send) == 0) return true;
  if (errno == ESRCH) return false;
  throw_errno("pidfd_send_signal", fd_.get(), signal);
}

}  // namespace coproc::inline v0::os
