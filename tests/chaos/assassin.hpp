// Kills processes at random times, and keeps them from leaving core files.
//
// Thread safety: none; used by the test's main thread, one at a time.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace chaos {

/// Sends a signal to a process at a time, whatever this thread is doing then. By a timer and a handler: the thread that
/// receives is the only one.
class Assassin {
 public:
  Assassin() {
    struct sigaction action {};
    action.sa_handler = [](int) { instance->strike(); };
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGRTMIN + 4, &action, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN + 4;
    EXPECT_EQ(::timer_create(CLOCK_MONOTONIC, &event, &timer_), 0);
    instance = this;
  }
  Assassin(const Assassin&) = delete;
  Assassin& operator=(const Assassin&) = delete;
  ~Assassin() {
    ::timer_delete(timer_);
    ::signal(SIGRTMIN + 4, SIG_DFL);
    instance = nullptr;
  }

  void hire(int pidfd, int death, long delay_ns) {
    pidfd_ = pidfd;
    death_ = death;
    set_timer(delay_ns);
  }
  /// Where the victim died before its time.
  void dismiss() { set_timer(0); }

 private:
  void strike() {
    const int saved = errno;
    ::syscall(SYS_pidfd_send_signal, pidfd_, death_, nullptr, 0);
    if (death_ == SIGSTOP) {
      death_ = SIGKILL;
      set_timer(100'000);
    }
    errno = saved;
  }
  void set_timer(long ns) {
    itimerspec once{};
    once.it_value.tv_nsec = ns;
    ::timer_settime(timer_, 0, &once, nullptr);
  }

  static inline Assassin* instance = nullptr;
  timer_t timer_{};
  volatile int pidfd_ = -1;
  volatile int death_ = 0;
};

class NoCoreFiles {
 public:
  NoCoreFiles() {
    ::getrlimit(RLIMIT_CORE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_CORE, &none);
  }
  NoCoreFiles(const NoCoreFiles&) = delete;
  NoCoreFiles& operator=(const NoCoreFiles&) = delete;
  ~NoCoreFiles() { ::setrlimit(RLIMIT_CORE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace chaos
