// What a crash handler needs of the system: a stack of its own, the place of the crash, and ways to end the process.
//
// Thread safety: set up by one thread. Interrupted and everything below it may be used in a signal handler, by any
// thread.
#pragma once

#include <signal.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coproc::inline v0::os {

inline constexpr std::array kCrashSignals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// Those by which the system ends a process that does what it may not: a call that a filter refuses, too much time on
/// processors, a file that is too large.
inline constexpr std::array kRefusalSignals{SIGSYS, SIGXCPU, SIGXFSZ};

using CrashHandler = void (*)(int, siginfo_t*, void*);

/// Gives this thread a stack for signal handlers that is large enough to unwind from, unless it has one. The stack is
/// never freed. Throws std::system_error.
void use_signal_stack();

/// Sets `handler` for `signal`, on the signal stack and with no other signal blocked meanwhile, but only if no
/// handler is set. Throws std::system_error.
void handle_unless_handled(int signal, CrashHandler handler);

/// Sets `handler` for every signal of a crash, whatever is set. May be used in a signal handler.
void handle_all_crashes(CrashHandler handler) noexcept;

/// Where a signal interrupted its thread. Zeros on processors that this code does not know.
struct Interrupted {
  std::uintptr_t pc;
  std::uintptr_t stack_pointer;

  /// Reads it from the third argument of a signal handler.
  static Interrupted of(const void* context) noexcept;
};

/// The arguments of the system call in which a signal interrupted its thread, from the third argument of a signal
/// handler. Zeros on processors that this code does not know.
std::array<std::uint64_t, 6> call_arguments(const void* context) noexcept;

/// Copies a word of this process that may not be mapped. False: it is not mapped.
bool read_word(std::uintptr_t address, std::uintptr_t& word) noexcept;

/// Sends SIGALRM to this process after `seconds`. It calls `handler`, and this thread does not block it.
void set_alarm(unsigned seconds, CrashHandler handler) noexcept;

/// Gives `signal` its default action and makes it pending once more, with its `info`: when its handler returns it
/// ends the process, with the registers of the crash in the core dump. (A fault would come again by itself, unless
/// another thread has mapped the place meanwhile.)
void raise_on_return(int signal, siginfo_t& info) noexcept;

/// Ends this process by `signal` at once.
[[noreturn]] void end_by_signal(int signal) noexcept;

/// Lets this thread sleep, perhaps less.
void sleep_once(std::chrono::nanoseconds time) noexcept;

}  // namespace coproc::inline v0::os
