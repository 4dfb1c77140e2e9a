// Signal masks and dispositions around a fork.
//
// Thread safety: SignalBlock is for the thread that makes it; reset_signals_in_child() for a child with one thread.
#pragma once

#include <signal.h>

#include <cstdint>

namespace coproc::inline v0::os {

/// Blocks every signal in this thread while it lives.
class [[nodiscard]] SignalBlock {
 public:
  SignalBlock() noexcept;
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;
  ~SignalBlock();

 private:
  sigset_t old_mask_;
};

/// Every handler to its default, no alternate stack, and then an empty mask. SIGINT gets an empty SA_RESTART handler:
/// Ctrl-C goes to the whole foreground group and the host decides what it means; ignoring it would be inherited by the
/// programs that the worker runs. In a build with sanitizers the signals of a crash keep their handlers and stack.
void reset_signals_in_child() noexcept;

/// For a program that keeps its own handlers: SIGINT gets the same empty one where it has none, and no signal is blocked.
void survive_interrupts() noexcept;

/// Children that end are gone at once, and nobody has to wait for them.
void leave_children_to_kernel() noexcept;

/// Sends this signal with a value to a child that was not reaped.
void queue_signal(pid_t child, int signal, std::uintptr_t value) noexcept;

/// By SIGKILL. For signal handlers, too.
[[noreturn]] void kill_this_process() noexcept;

/// Rests until a signal ends this process.
[[noreturn]] void wait_for_signals() noexcept;

/// A handler with SA_RESTART | SA_SIGINFO. Throws std::system_error.
void set_signal_handler(int signal, void (*handler)(int, siginfo_t*, void*));

}  // namespace coproc::inline v0::os
