#include "os/crash_signals.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

constexpr std::size_t kStackBytes = 64 * 1024;  // the unwinder takes some 5 KiB, the kernel up to 12 for the registers
constexpr std::size_t kGuardBytes = 64 * 1024;  // a multiple of every page size

void set_default(int signal) noexcept {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = SIG_DFL;
  (void)::sigaction(signal, &action, nullptr);
}

void change_mask(int how, int signal) noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  (void)::pthread_sigmask(how, &set, nullptr);
}

bool is_default(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
}

bool is_handler(const struct sigaction& action, CrashHandler handler) {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == handler;
}

struct sigaction action_of(CrashHandler handler) noexcept {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = handler;
  // SA_NODEFER: a second crash, inside the handler, must end the process by the first signal. The kernel would use
  // the second. SA_RESTART: after a handler that returns, what was interrupted goes on.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART;
  return action;
}

}  // namespace

void use_signal_stack() {
  const auto size = std::max(kStackBytes, static_cast<std::size_t>(std::max(0L, ::sysconf(_SC_SIGSTKSZ))));
  stack_t stack{};
  if (call_once([&] { return ::sigaltstack(nullptr, &stack); }) != 0) throw_errno("sigaltstack");
  if ((stack.ss_flags & SS_DISABLE) == 0 && stack.ss_size >= size) return;

  void* const failed = MAP_FAILED;  // NOLINT: the system's own cast
  const std::size_t bytes = kGuardBytes + size;
  void* const memory = should_fail() ? failed
                                     : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == failed) throw_errno("mmap", bytes, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK");
  // Below it lies a page that nobody may touch. Without that, a handler that needs more would overwrite something
  // else.
  stack = {};
  stack.ss_sp = static_cast<std::byte*>(memory) + kGuardBytes;
  stack.ss_size = size;
  const bool is_set = call_once([&] { return ::mprotect(memory, kGuardBytes, PROT_NONE); }) == 0 &&
                      call_once([&] { return ::sigaltstack(&stack, nullptr); }) == 0;
  if (is_set) return;
  const int saved = errno;
  ::munmap(memory, bytes);
  errno = saved;
  throw_errno("sigaltstack", size);
}

void handle_unless_handled(int signal, CrashHandler handler) {
  struct sigaction action {};
  if (call_once([&] { return ::sigaction(signal, nullptr, &action); }) != 0) throw_errno("sigaction", signal);
  if (!is_default(action) && !is_handler(action, handler)) return;
  action = action_of(handler);
  if (call_once([&] { return ::sigaction(signal, &action, nullptr); }) != 0) throw_errno("sigaction", signal);
}

void handle_all_crashes(CrashHandler handler) noexcept {
  const struct sigaction action = action_of(handler);
  for (const int signal : kCrashSignals) (void)::sigaction(signal, &action, nullptr);
}

Interrupted Interrupted::of(const void* context) noexcept {
  const mcontext_t& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return {static_cast<std::uintptr_t>(machine.gregs[REG_RIP]), static_cast<std::uintptr_t>(machine.gregs[REG_RSP])};
#elif defined(__aarch64__)
  return {machine.pc, machine.sp};
#else
  (void)machine;
  return {};
#endif
}

std::array<std::uint64_t, 6> call_arguments(const void* context) noexcept {
  const mcontext_t& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
  std::array<std::uint64_t, 6> arguments{};
#if defined(__x86_64__)
  constexpr int kRegisters[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
  for (std::size_t i = 0; i < arguments.size(); ++i)
    arguments[i] = static_cast<std::uint64_t>(machine.gregs[kRegisters[i]]);
#elif defined(__aarch64__)
  for (std::size_t i = 0; i < arguments.size(); ++i) arguments[i] = machine.regs[i];
#else
  (void)machine;
#endif
  return arguments;
}

bool read_word(std::uintptr_t address, std::uintptr_t& word) noexcept {
  const iovec here = {&word, sizeof word};
  const iovec there = {reinterpret_cast<void*>(address), sizeof word};  // NOLINT: registers hold addresses
  return ::process_vm_readv(::getpid(), &here, 1, &there, 1, 0) == ssize_t(sizeof word);
}

void set_alarm(unsigned seconds, CrashHandler handler) noexcept {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  (void)::sigaction(SIGALRM, &action, nullptr);
  change_mask(SIG_UNBLOCK, SIGALRM);
  (void)::alarm(seconds);
}

void raise_on_return(int signal, siginfo_t& info) noexcept {
  set_default(signal);
  change_mask(SIG_BLOCK, signal);  // until the handler returns, which restores the mask
  const pid_t process = ::getpid();
  const pid_t thread = ::gettid();
  if (::syscall(SYS_rt_tgsigqueueinfo, process, thread, signal, &info) != 0) {
    (void)::syscall(SYS_tgkill, process, thread, signal);
  }
}

void end_by_signal(int signal) noexcept {
  set_default(signal);
  (void)::syscall(SYS_tgkill, ::getpid(), ::gettid(), signal);
  change_mask(SIG_UNBLOCK, signal);
  // Only the first process of a PID namespace gets here: signals without a handler do not reach it.
  ::_exit(128 + signal);
}

void sleep_once(std::chrono::nanoseconds time) noexcept {
  const timespec duration = {time.count() / 1'000'000'000, time.count() % 1'000'000'000};
  (void)::nanosleep(&duration, nullptr);
}

}  // namespace coproc::inline v0::os
