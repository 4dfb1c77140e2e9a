#include "os/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/cancel.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/stat_of.hpp"

namespace coproc::inline v0::os {

void Fd::own(int fd) noexcept {
  fd_ = fd;
  if (fd < 0) return;
  const int saved = errno;
  struct stat file {};
  const bool is_open = stat_of(fd, file) == 0;
  device_ = is_open ? file.st_dev : 0;
  inode_ = is_open ? file.st_ino : 0;
  errno = saved;
}

bool Fd::is_own() const noexcept {
  if (fd_ < 0) return false;
  const int saved = errno;
  struct stat file {};
  const bool is_same = stat_of(fd_, file) == 0 && file.st_dev == device_ && file.st_ino == inode_;
  errno = saved;
  return is_same;
}

void Fd::close() noexcept {
  const int saved = errno;
  const NoCancel stays;
  if (is_own()) ::close(fd_);
  fd_ = -1;
  errno = saved;
}

Fd above_stdio(Fd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  Fd moved(call_retried([&] { return ::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1); }));
  if (!moved) throw_errno("fcntl", fd.get(), "F_DUPFD_CLOEXEC");
  return moved;
}

}  // namespace coproc::inline v0::os
