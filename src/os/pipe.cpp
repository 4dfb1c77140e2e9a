#include "os/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

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
  (void)call_once([&] { return ::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, bytes); });  // a smaller one will do, too
  return pipe;
}

Got read_available(const Fd& read_end, std::span<char> to) noexcept {
  if (!read_end.is_own()) return {0, true};
  const int saved = errno;
  const ssize_t got = call_retried([&] { return ::read(read_end.get(), to.data(), to.size()); });
  const Got result{got > 0 ? static_cast<std::size_t>(got) : 0, got == 0 || (got < 0 && errno != EAGAIN)};
  errno = saved;
  return result;
}

}  // namespace coproc::inline v0::os
