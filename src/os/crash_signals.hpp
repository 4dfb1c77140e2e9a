// What the handler of a crash needs of the system: its own stack, the place of the crash, and a certain end.
//
// Thread safety: set up by one thread; all from Interrupted on may be called in a signal handler, by any thread.
#pragma once

#include <signal.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coproc::inline v0::os {

inline constexpr std::array kCrashSignals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

using CrashHandler = void (*)(int, siginfo_t*, void*);

/// Gives this thread a stack for signal handlers that is large enough to unwind from, unless it has one. It is never
/// freed. Throws std::system_error.
void use_signal_stack();

/// Sets `handler` for `signal`, on the signal stack and with nothing blocked meanwhile; only where nobody else has set
/// one. Throws std::system_error.
void handle_unless_handled(int signal, CrashHandler handler);

/// Where a signal met its thread. Zeros on processors that this does not know.
struct Interrupted {
  std::uintptr_t pc;
  std::uintptr_t stack_pointer;

  /// Of a handler's third argument.
  static Interrupted of(const void* context) noexcept;
};

/// Copies a word of this process that may not be mapped. False: it is not.
bool read_word(std::uintptr_t address, std::uintptr_t& word) noexcept;

/// Sends SIGALRM to this process after `seconds`, which this thread does not block, and which calls `handler`.
void set_alarm(unsigned seconds, CrashHandler handler) noexcept;

/// Gives `signal` its default and makes it pending once more, with its `info`: when the handler of it returns it ends
/// the process, with the registers of the crash in the core dump. (A fault would come again by itself, unless another
/// thread has mapped the place meanwhile.)
void raise_on_return(int signal, siginfo_t& info) noexcept;

/// Ends this process by `signal` at once.
[[noreturn]] void end_by_signal(int signal) noexcept;

/// Lets this thread sleep, perhaps less.
void sleep_once(std::chrono::nanoseconds time) noexcept;

}  // namespace coproc::inline v0::os
