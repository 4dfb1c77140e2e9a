#include "os/pidfd.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/poll.hpp"

namespace coproc::inline v0::os {

// By number: the C library has these wrappers only since version 2.36.

Pidfd Pidfd::open(pid_t pid) {
  Fd fd(call_retried([&] { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }));
  if (!fd) throw_errno("pidfd_open", pid);
  return Pidfd(above_stdio(std::move(fd)));
}

bool Pidfd::can_open() noexcept {
  static std::atomic<bool> is_refused{false};                    // filters may come at any time, and stay
  if (is_refused.load(std::memory_order_relaxed)) return false;  // relaxed: at worst the kernel is asked once more
  const int saved = errno;
  // There is no process 0, so that the kernel opens nothing, which would take 7 us, and says EINVAL. EPERM and EACCES
  // come from filters.
  (void)::syscall(SYS_pidfd_open, 0, 0);
  const bool can = errno != ENOSYS && errno != EPERM && errno != EACCES;
  if (!can) is_refused.store(true, std::memory_order_relaxed);
  errno = saved;
  return can;
}

namespace {

// Linux 6.5; the C library's headers do not have them yet.
constexpr int kPassPidfd = 76;     // SO_PASSPIDFD
constexpr int kPidfdOfSender = 4;  // SCM_PIDFD

}  // namespace

void Pidfd::ask_for_senders(const Fd& socket) {
  const int on = 1;
  if (call_once([&] { return ::setsockopt(socket.get(), SOL_SOCKET, kPassPidfd, &on, sizeof on); }) != 0) {
    throw_errno("setsockopt", socket.get(), "SO_PASSPIDFD");
  }
}

Pidfd Pidfd::of_sender(const Fd& socket, const Deadline& deadline) {
  pollfd entry = {socket.get(), POLLIN, 0};
  PollEnd end;
  do {
    end = poll_once({&entry, 1}, deadline);
  } while (end == PollEnd::interrupted && !deadline.passed());
  if (end != PollEnd::ready) {
    errno = ETIMEDOUT;
    throw_errno("recvmsg", socket.get(), "SCM_PIDFD");
  }
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = call_retried([&] { return ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC); });
  if (got < 0) throw_errno("recvmsg", socket.get(), "SCM_PIDFD");
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (got == 0 || header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != kPidfdOfSender) {
    errno = got == 0 ? ESRCH : ENOSYS;
    throw_errno("recvmsg", socket.get(), "SCM_PIDFD");
  }
  int fd;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return Pidfd(above_stdio(Fd(fd)));
}

bool Pidfd::is_ended() const noexcept {
  const int saved = errno;
  pollfd entry = {fd_.get(), POLLIN, 0};
  constexpr timespec kAtOnce{0, 0};
  const int ready = call_retried([&] { return poll_within({&entry, 1}, &kAtOnce); });
  errno = saved;
  return ready == 1 && (entry.revents & (POLLIN | POLLHUP)) != 0;
}

std::optional<Signalling> outcome_of_signal(long result) noexcept {
  if (result == 0) return Signalling::sent;
  if (errno == ESRCH) return Signalling::ended;
  if (errno == EPERM || errno == EACCES) return Signalling::refused;  // EACCES: a security module's
  return std::nullopt;
}

namespace {

Signalling signal_by(const Fd& pidfd, int signal, siginfo_t* info) {
  const auto send = [&] { return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, info, 0); };
  if (const auto outcome = outcome_of_signal(call_retried(send))) return *outcome;
  throw_errno("pidfd_send_signal", pidfd.get(), signal);
}

}  // namespace

Signalling Pidfd::send_signal(int signal) const { return signal_by(fd_, signal, nullptr); }

Signalling Pidfd::queue_signal(int signal, std::uintptr_t value) const {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_ptr = reinterpret_cast<void*>(value);  // NOLINT: a number, of which there is no room in sival_int
  return signal_by(fd_, signal, &info);
}

}  // namespace coproc::inline v0::os
