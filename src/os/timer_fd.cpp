#include "os/timer_fd.hpp"

#include <sys/timerfd.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

void set_time(int fd, const itimerspec& time) {
  if (call_once([&] { return ::timerfd_settime(fd, 0, &time, nullptr); }) != 0) throw_errno("timerfd_settime", fd);
}

}  // namespace

TimerFd::TimerFd() {
  Fd fd(call_once([] { return ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }));
  if (!fd) throw_errno("timerfd_create", "CLOCK_MONOTONIC", "TFD_CLOEXEC|TFD_NONBLOCK");
  fd_ = above_stdio(std::move(fd));
}

void TimerFd::set(std::chrono::nanoseconds delay) {
  itimerspec once{};
  once.it_value.tv_sec = static_cast<time_t>(delay.count() / 1'000'000'000);
  once.it_value.tv_nsec = static_cast<long>(delay.count() % 1'000'000'000);
  if (delay.count() <= 0) once.it_value = {0, 1};  // zero would disarm it
  set_time(fd_.get(), once);
}

void TimerFd::clear() { set_time(fd_.get(), itimerspec{}); }

}  // namespace coproc::inline v0::os
