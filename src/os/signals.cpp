#include "os/signals.hpp"

#include <unistd.h>

#include <algorithm>

#include "os/crash_signals.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/sanitizer.hpp"

namespace coproc::inline v0::os {

namespace {

/// A sanitizer reports through its handlers, on a signal stack of its own: a worker's crash is to be reported as well.
bool is_sanitizers(int signal) {
  return kHasSanitizer && std::find(kCrashSignals.begin(), kCrashSignals.end(), signal) != kCrashSignals.end();
}

}  // namespace

SignalBlock::SignalBlock() noexcept {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old_mask_);
}

SignalBlock::~SignalBlock() { ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr); }

namespace {

void ignore_interrupts() noexcept {
  struct sigaction empty {};
  sigemptyset(&empty.sa_mask);
  empty.sa_handler = [](int) {};
  empty.sa_flags = SA_RESTART;
  (void)::sigaction(SIGINT, &empty, nullptr);
}

void unblock_signals() noexcept {
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void reset_signals_in_child() noexcept {
  struct sigaction fresh {};
  sigemptyset(&fresh.sa_mask);
  fresh.sa_handler = SIG_DFL;
  // SIGKILL, SIGSTOP and the two that the C library keeps for itself refuse: nothing to be done about them.
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (!is_sanitizers(signal)) (void)::sigaction(signal, &fresh, nullptr);
  }
  ignore_interrupts();

  stack_t none{};
  none.ss_flags = SS_DISABLE;
  if (!kHasSanitizer) (void)::sigaltstack(&none, nullptr);

  unblock_signals();
}

void survive_interrupts() noexcept {
  struct sigaction now {};
  if (::sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) ignore_interrupts();
  unblock_signals();
}

void leave_children_to_kernel() noexcept { (void)::signal(SIGCHLD, SIG_IGN); }

void queue_signal(pid_t child, int signal, std::uintptr_t value) noexcept {
  sigval carried{};
  carried.sival_ptr = reinterpret_cast<void*>(value);  // NOLINT: a number, of which there is no room in sival_int
  (void)call_retried([&] { return ::sigqueue(child, signal, carried); });
}

void kill_this_process() noexcept {
  ::raise(SIGKILL);
  wait_for_signals();
}

void wait_for_signals() noexcept {
  for (;;) ::pause();
}

void set_signal_handler(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = handler;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  if (call_once([&] { return ::sigaction(signal, &action, nullptr); }) != 0) throw_errno("sigaction", signal);
}

}  // namespace coproc::inline v0::os
