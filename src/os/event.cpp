#include "os/event.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

Event::Event() {
  Fd fd(call_once([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }));
  if (!fd) throw_errno("eventfd", 0, "EFD_CLOEXEC|EFD_NONBLOCK");
  fd_ = above_stdio(std::move(fd));
}

void Event::set() noexcept {
  const int saved = errno;
  if (!fd_.is_own()) return;
  const std::uint64_t one = 1;
  // EAGAIN means that the counter is full, and so set.
  (void)call_retried([&] { return ::write(fd_.get(), &one, sizeof one); });
  errno = saved;
}

void Event::clear() noexcept {
  const int saved = errno;
  if (!fd_.is_own()) return;
  std::uint64_t count;
  (void)call_retried([&] { return ::read(fd_.get(), &count, sizeof count); });
  errno = saved;
}

}  // namespace coproc::inline v0::os
