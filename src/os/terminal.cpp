#include "os/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "os/fault.hpp"

namespace coproc::inline v0::os {

std::size_t columns_of_terminal(int fd) noexcept {
  const int saved = errno;
  const bool is_terminal = ::isatty(fd) == 1;
  winsize size{};
  const bool is_known = is_terminal && call_retried([&] { return ::ioctl(fd, TIOCGWINSZ, &size); }) == 0;
  errno = saved;
  if (!is_terminal) return 0;
  return is_known && size.ws_col != 0 ? size.ws_col : 80;
}

}  // namespace coproc::inline v0::os
