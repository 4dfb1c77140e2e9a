#include "os/signals.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/crash_signals.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/sanitizer.hpp"

namespace coproc::inline v0::os {

namespace {

/// Sanitizers report through their handlers, on a signal stack of their own: a worker's crash must be reported, too.
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

constexpr std::array kEndSignals{SIGTERM, SIGHUP, SIGQUIT};

// Read by the handler; set before the handler is.
pid_t worker_process = 0;
pid_t host_of_worker = 0;

bool is_meant_for_worker(const siginfo_t& info) noexcept {
  const pid_t self = ::getpid();
  if (self != worker_process) return true;      // this process was forked by the worker
  if (info.si_code == SI_KERNEL) return false;  // from a terminal
  const bool has_sender = info.si_code == SI_USER || info.si_code == SI_QUEUE || info.si_code == SI_TKILL;
  if (!has_sender) return true;  // for example a timer of its own
  return info.si_pid == self || info.si_pid == host_of_worker || info.si_pid == ::getppid();
}

void on_end_signal(int signal, siginfo_t* info, void*) {
  const int saved = errno;
  if (is_meant_for_worker(*info)) raise_on_return(signal, *info);
  errno = saved;
}

bool has_default(int signal) noexcept {
  struct sigaction now {};
  return ::sigaction(signal, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL;
}

std::uint64_t bit_of(int signal) noexcept { return std::uint64_t{1} << (signal - 1); }

}  // namespace

std::uint64_t ignored_signals() noexcept {
  std::uint64_t ignored = 0;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    struct sigaction now {};
    const bool is_ignored =
        ::sigaction(signal, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_IGN;
    const bool is_of_crash = std::find(kCrashSignals.begin(), kCrashSignals.end(), signal) != kCrashSignals.end();
    if (is_ignored && !is_of_crash && signal != SIGCHLD) ignored |= bit_of(signal);
  }
  return ignored;
}

void heed_host_only(pid_t host) noexcept {
  worker_process = ::getpid();
  host_of_worker = host;
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = &on_end_signal;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  for (const int signal : kEndSignals) {
    if (has_default(signal)) (void)::sigaction(signal, &action, nullptr);
  }
}

void reset_signals() noexcept {
  struct sigaction fresh {};
  sigemptyset(&fresh.sa_mask);
  fresh.sa_handler = SIG_DFL;
  // SIGKILL, SIGSTOP and the two that the C library keeps for itself refuse, which cannot be helped.
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (!is_sanitizers(signal)) (void)::sigaction(signal, &fresh, nullptr);
  }
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  if (!kHasSanitizer) (void)::sigaltstack(&none, nullptr);
}

void begin_signals(const SignalRules& rules) noexcept {
  struct sigaction fresh {};
  sigemptyset(&fresh.sa_mask);
  fresh.sa_handler = SIG_DFL;
  (void)::sigaction(SIGCHLD, &fresh, nullptr);
  fresh.sa_handler = SIG_IGN;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if ((rules.ignored & bit_of(signal)) != 0 && !is_sanitizers(signal)) (void)::sigaction(signal, &fresh, nullptr);
  }
  if (has_default(SIGINT)) ignore_interrupts();
  if (!rules.heeds_others) heed_host_only(rules.host);
  unblock_signals();
}

void keep_signals(const SignalRules& rules) noexcept {
  if (has_default(SIGINT)) ignore_interrupts();
  if (!rules.heeds_others) heed_host_only(rules.host);
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

void block_signal(int signal) noexcept {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
}

void set_signal_handler(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = handler;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  if (call_once([&] { return ::sigaction(signal, &action, nullptr); }) != 0) throw_errno("sigaction", signal);
}

}  // namespace coproc::inline v0::os
