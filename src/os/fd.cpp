#include "os/fd.hpp"

#include <fcntl.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

Fd above_stdio(Fd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  Fd moved(call_retried([&] { return ::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1); }));
  if (!moved) throw_errno("fcntl", fd.get(), "F_DUPFD_CLOEXEC");
  return moved;
}

}  // namespace coproc::inline v0::os
