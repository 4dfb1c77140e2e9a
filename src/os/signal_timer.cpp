#include "os/signal_timer.hpp"

#include <signal.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

SignalTimer::SignalTimer(int signal, clockid_t clock) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = signal;
  if (call_retried([&] { return ::timer_create(clock, &event, &timer_); }) != 0) {
    throw_errno("timer_create", clock, signal);
  }
}

SignalTimer::~SignalTimer() { ::timer_delete(timer_); }

void SignalTimer::arm(std::chrono::nanoseconds delay) noexcept {
  const int saved = errno;
  itimerspec once{};
  once.it_value.tv_sec = static_cast<time_t>(delay.count() / 1'000'000'000);
  once.it_value.tv_nsec = static_cast<long>(delay.count() % 1'000'000'000);
  ::timer_settime(timer_, 0, &once, nullptr);
  errno = saved;
}

}  // namespace coproc::inline v0::os
