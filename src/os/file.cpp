#include "os/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

Fd open_file(const char* path, int flags) {
  Fd fd(call_retried([&] { return ::open(path, flags | O_CLOEXEC, 0666); }));
  if (!fd) throw_errno("open", path, flags);
  return above_stdio(std::move(fd));
}

Fd duplicate(int fd) { return duplicate_above(fd, STDERR_FILENO + 1); }

Fd duplicate_above(int fd, int least) {
  Fd copy(call_retried([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, least); }));
  if (!copy) throw_errno("fcntl", fd, "F_DUPFD_CLOEXEC");
  return copy;
}

void write_all(int fd, std::string_view text) noexcept {
  const int saved = errno;
  while (!text.empty()) {
    const ssize_t written = call_retried([&] { return ::write(fd, text.data(), text.size()); });
    if (written <= 0) break;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  errno = saved;
}

void put_at(const Fd& fd, int number) {
  if (call_retried([&] { return ::dup2(fd.get(), number); }) < 0) throw_errno("dup2", fd.get(), number);
}

}  // namespace coproc::inline v0::os
