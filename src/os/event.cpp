#include "os/event.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "os/cpu.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

// set() counts itself and then checks whether the event is open; close() marks it closed and then checks the count.
// Both are seq_cst: either set() sees that it is closed, or close() sees the count and waits.

void Event::open() {
  Fd fd(call_once([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }));
  if (!fd) throw_errno("eventfd", 0, "EFD_CLOEXEC|EFD_NONBLOCK");
  fd_ = above_stdio(std::move(fd));
  is_open_.store(true, std::memory_order_seq_cst);
}

void Event::close() noexcept {
  is_open_.store(false, std::memory_order_seq_cst);
  while (setters_.load(std::memory_order_seq_cst) != 0) yield();
  fd_.reset();
}

void Event::set() noexcept {
  const int saved = errno;
  setters_.fetch_add(1, std::memory_order_seq_cst);
  if (is_open_.load(std::memory_order_seq_cst) && fd_.is_own()) {
    const std::uint64_t one = 1;
    // EAGAIN means that the counter is full, so that the event is set.
    (void)call_retried([&] { return ::write(fd_.get(), &one, sizeof one); });
  }
  setters_.fetch_sub(1, std::memory_order_seq_cst);
  errno = saved;
}

bool Event::clear() noexcept {
  const int saved = errno;
  if (!fd_.is_own()) return false;
  std::uint64_t count;
  (void)call_retried([&] { return ::read(fd_.get(), &count, sizeof count); });
  errno = saved;
  return true;
}

}  // namespace coproc::inline v0::os
