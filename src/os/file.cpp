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

Fd duplicate(int fd) {
  Fd copy(call_retried([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); }));
  if (!copy) throw_errno("fcntl", fd, "F_DUPFD_CLOEXEC");
  return copy;
}

void put_at(const Fd& fd, int number) {
  if (call_retried([&] { return ::dup2(fd.get(), number); }) < 0) throw_errno("dup2", fd.get(), number);
}

}  // namespace coproc::inline v0::os
