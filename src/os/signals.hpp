// Signal masks and dispositions around a fork.
//
// Thread safety: SignalBlock is for the thread that makes it; the functions that change dispositions are for a process
// with one thread.
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

/// The signals that this process ignores, and that its workers are to ignore, too: bit n - 1 for signal n. Without
/// SIGCHLD, which would hide from a worker how its own children end; and without the signals of a crash, which must
/// be reported.
std::uint64_t ignored_signals() noexcept;

/// How a worker treats signals.
struct SignalRules {
  std::uint64_t ignored = 0;
  bool heeds_others = false;
  pid_t host = 0;
};

/// Resets every handler to its default and removes the alternate stack. In a build with sanitizers the signals of a
/// crash keep their handlers and stack.
void reset_signals() noexcept;

/// Where signals are as reset_signals() has left them, and SIGCHLD is perhaps ignored: ignores those that the rules
/// name, and empties the mask. Signals that ask programs to end are often sent to whole groups, of which the host is a
/// member, and it is the host that decides what they mean. So SIGINT gets an empty handler; SIGTERM, SIGHUP and
/// SIGQUIT, unless the rules say otherwise, get one that acts by default if the host, the parent process or the
/// worker itself has sent them, and else does nothing. (If they were ignored, the programs that the worker runs would
/// inherit that.) All handlers are SA_RESTART. In a process that the worker forks they act by default.
void begin_signals(const SignalRules& rules) noexcept;

/// For a program that keeps its own handlers: the same for signals without a handler, and no signal is blocked.
void keep_signals(const SignalRules& rules) noexcept;

/// For a program that also keeps its own SIGINT and mask: SIGTERM, SIGHUP and SIGQUIT as above, if they have their
/// default.
void heed_host_only(pid_t host) noexcept;

/// Children that end are reaped by the kernel at once, and nobody has to wait for them.
void leave_children_to_kernel() noexcept;

/// Sends this signal with a value to a child that was not reaped, if there is no pidfd (Pidfd::queue_signal).
void queue_signal(pid_t child, int signal, std::uintptr_t value) noexcept;

/// Ends this process by SIGKILL. Also for signal handlers.
[[noreturn]] void kill_this_process() noexcept;

/// Sleeps until a signal ends this process.
[[noreturn]] void wait_for_signals() noexcept;

/// Blocks one signal in this thread. Programs that it executes by spawn() do not inherit that.
void block_signal(int signal) noexcept;

/// Sets a handler with SA_RESTART | SA_SIGINFO. Throws std::system_error.
void set_signal_handler(int signal, void (*handler)(int, siginfo_t*, void*));

}  // namespace coproc::inline v0::os
