// Signal masks and dispositions around a fork.
//
// Thread safety: SignalBlock is for the thread that makes it; reset_signals_in_child() for a child with one thread.
#pragma once

#include <signal.h>
#include <sys/types.h>

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

/// The signals that this process ignores, and its workers shall ignore, too: bit n - 1 for signal n. Not SIGCHLD, which would
/// take the ends of its own children from a worker; nor those of a crash, which is to be told.
std::uint64_t ignored_signals() noexcept;

/// What a worker does about signals.
struct SignalRules {
  std::uint64_t ignored = 0;
  bool heeds_others = false;
  pid_t host = 0;
};

/// Every handler to its default, no alternate stack, and then an empty mask. What is ignored by the rules is ignored. Signals
/// that ask programs to end are often sent to whole groups, of which the host is one, and it decides what they mean: SIGINT
/// gets an empty handler; SIGTERM, SIGHUP and SIGQUIT, unless the rules say otherwise, one that acts by default where the
/// host, the parent process or the worker itself has sent them, and else does nothing. (To ignore them would be inherited by
/// the programs that the worker runs.) All handlers are SA_RESTART. In a process that the worker forks they act by default. In a
/// build with sanitizers the signals of a crash keep their handlers and stack.
void reset_signals_in_child(const SignalRules& rules) noexcept;

/// For a program that keeps its own handlers: the same for what it has none for, and no signal is blocked.
void keep_signals(const SignalRules& rules) noexcept;

/// For a program that keeps its own ways with SIGINT and its mask, too: SIGTERM, SIGHUP and SIGQUIT as above, where they have
/// their default.
void heed_host_only(pid_t host) noexcept;

/// Children that end are gone at once, and nobody has to wait for them.
void leave_children_to_kernel() noexcept;

/// Sends this signal with a value to a child that was not reaped: where there is no pidfd (Pidfd::queue_signal).
void queue_signal(pid_t child, int signal, std::uintptr_t value) noexcept;

/// By SIGKILL. For signal handlers, too.
[[noreturn]] void kill_this_process() noexcept;

/// Rests until a signal ends this process.
[[noreturn]] void wait_for_signals() noexcept;

/// A handler with SA_RESTART | SA_SIGINFO. Throws std::system_error.
void set_signal_handler(int signal, void (*handler)(int, siginfo_t*, void*));

}  // namespace coproc::inline v0::os
