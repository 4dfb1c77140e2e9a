#include "os/pipe.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/stat_of.hpp"

namespace coproc::inline v0::os {

namespace {

constexpr int kNoSignal = 0x100;  // RWF_NOSIGNAL, Linux 6.18

ssize_t write_without_signal(int fd) noexcept {
  char byte = 1;
  const iovec part{&byte, 1};
  return call_retried([&] { return ::pwritev2(fd, &part, 1, -1, kNoSignal); });
}

/// For kernels without RWF_NOSIGNAL: takes back a SIGPIPE that the write has made pending for this thread.
ssize_t write_with_signal_blocked(int fd) noexcept {
  sigset_t pipe_signal;
  sigset_t old_mask;
  sigset_t pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigemptyset(&pending);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;  // then it is the program's own, and stays
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &old_mask);
  const char byte = 1;
  const ssize_t written = call_retried([&] { return ::write(fd, &byte, 1); });
  const int error_number = errno;
  if (written < 0 && error_number == EPIPE && !was_pending) {
    const timespec at_once{0, 0};
    while (sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {}
  }
  pthread_sigmask(SIG_SETMASK, &old_mask, nullptr);
  errno = error_number;
  return written;
}

std::atomic<bool> kernel_has_no_signal_flag{true};  // until a call shows otherwise

/// A smaller one will do, too.
void resize(const Pipe& pipe, int bytes) noexcept {
  (void)call_once([&] { return ::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, bytes); });
}

}  // namespace

Pipe Pipe::create() {
  int fds[2];
  if (call_once([&] { return ::pipe2(fds, O_CLOEXEC | O_NONBLOCK); }) != 0)
    throw_errno("pipe2", "O_CLOEXEC|O_NONBLOCK");
  Fd read_end(fds[0]);
  Fd write_end(fds[1]);
  return {above_stdio(std::move(read_end)), above_stdio(std::move(write_end))};
}

Pipe Pipe::create_for_output(int bytes) {
  Pipe pipe = create();
  // The two ends are two open file descriptions: the read end stays non-blocking.
  if (call_once([&] { return ::fcntl(pipe.write_end.get(), F_SETFL, 0); }) != 0) {
    throw_errno("fcntl", pipe.write_end.get(), "F_SETFL", 0);
  }
  resize(pipe, bytes);
  return pipe;
}

Pipe Pipe::create_for_input(int bytes) {
  Pipe pipe = create();
  if (call_once([&] { return ::fcntl(pipe.read_end.get(), F_SETFL, 0); }) != 0) {
    throw_errno("fcntl", pipe.read_end.get(), "F_SETFL", 0);
  }
  if (bytes != 0) resize(pipe, bytes);
  return pipe;
}

bool is_pipe(const Fd& fd, int mode) noexcept {
  struct stat status {};
  return call_once([&] { return stat_of(fd.get(), status); }) == 0 && S_ISFIFO(status.st_mode) &&
         (call_once([&] { return ::fcntl(fd.get(), F_GETFL); }) & O_ACCMODE) == mode;
}

Fd reopen_pipe(Fd fd, int mode) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd.get());
  Fd own(call_retried([&] { return ::open(path.c_str(), mode | O_NONBLOCK | O_CLOEXEC); }));
  if (own) return above_stdio(std::move(own));
  const int flags = call_once([&] { return ::fcntl(fd.get(), F_GETFL); });
  if (flags < 0 || call_once([&] { return ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK); }) != 0) {
    throw_errno("fcntl", fd.get(), "F_SETFL", "O_NONBLOCK");
  }
  return fd;
}

Got read_available(const Fd& read_end, std::span<char> to) noexcept {
  if (!read_end.is_own()) return {0, true};
  const int saved = errno;
  const ssize_t got = call_retried([&] { return ::read(read_end.get(), to.data(), to.size()); });
  const Got result{got > 0 ? static_cast<std::size_t>(got) : 0, got == 0 || (got < 0 && errno != EAGAIN)};
  errno = saved;
  return result;
}

Wake write_wake(const Fd& write_end) noexcept {
  if (!write_end.is_own()) return Wake::lost;
  const int saved = errno;
  ssize_t written = -1;
  // relaxed: at worst another thread asks the kernel once more
  if (kernel_has_no_signal_flag.load(std::memory_order_relaxed)) {
    written = write_without_signal(write_end.get());
    // EOPNOTSUPP and EINVAL: the kernel does not know the flag. ENOSYS, EPERM, EACCES, ...: a filter refuses the
    // call.
    if (written < 0 && errno != EAGAIN && errno != EPIPE && errno != EBADF) {
      kernel_has_no_signal_flag.store(false, std::memory_order_relaxed);
      written = write_with_signal_blocked(write_end.get());
    }
  } else {
    written = write_with_signal_blocked(write_end.get());
  }
  const Wake result = written == 1 ? Wake::sent : errno == EAGAIN ? Wake::full : Wake::broken;
  errno = saved;
  return result;
}

Drained drain_wakes(const Fd& read_end) noexcept {
  if (!read_end.is_own()) return Drained::lost;
  constexpr int kMostRounds = 1024;  // a pipe's worth, so that a peer that keeps writing cannot keep this going
  const int saved = errno;
  Drained result = Drained::nothing;
  for (int round = 0; round < kMostRounds; ++round) {
    char bytes[64];
    const ssize_t got = call_retried([&] { return ::read(read_end.get(), bytes, sizeof bytes); });
    if (got == 0 || (got < 0 && errno != EAGAIN)) result = Drained::hung_up;
    if (got > 0) result = Drained::some;
    if (got != static_cast<ssize_t>(sizeof bytes)) break;
  }
  errno = saved;
  return result;
}

}  // namespace coproc::inline v0::os
