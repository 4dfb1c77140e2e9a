// One child process of this process: its pid, its pidfd, its end.
//
// Thread safety: everything but moving and destroying may be called from any thread.
// Invariants: unless somebody else does that, it is reaped once, by this object only (the program's own waitpid(-1) or SIGCHLD = ignore are survived);
// after that its status never changes: the first cause wins.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "coproc/exit_status.hpp"
#include "os/clock.hpp"
#include "os/pidfd.hpp"
#include "process/lifeline.hpp"

namespace coproc::inline v0::process {

class Child {
 public:
  /// None.
  Child() noexcept;
  /// Takes over a child. `lifeline` (may be null) ends with this object, and with it a worker that holds the other end.
  Child(pid_t pid, os::Pidfd pidfd, std::unique_ptr<Lifeline> lifeline);
  /// A process that somebody else reaps, and which is not killed when this object goes. `ask_how_it_ended`: for when the kernel
  /// does not say that any more, or not to this process; may be empty.
  using Ask = std::function<std::optional<ExitStatus>()>;
  static Child adopt(pid_t pid, os::Pidfd pidfd, std::unique_ptr<Lifeline> lifeline, Ask ask_how_it_ended);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  /// Kills and reaps a child that has not been reaped, waiting for it with patience(); one that does not end in that time
  /// is looked for again when there is another Child. In a process forked from the owner, and for an adopted one: nothing.
  ~Child();

  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Whether this process is the one that started it: in others try_reap() and signal() throw NotOwnerError.
  bool is_own_process() const noexcept;
  pid_t pid() const noexcept;
  /// For poll: readable when the child has ended. Stays this object's.
  int wait_fd() const noexcept;
  /// True also where it is not reaped yet.
  bool is_ended() const noexcept;

  /// For a child that leads a process group: whenever it is reaped, the rest of its group is killed first.
  void kill_group_at_end() noexcept;
  /// The status, where the child has ended; the same one at every call. Never waits. Throws std::system_error.
  std::optional<ExitStatus> try_reap();
  /// False: it has ended and was reaped, or the system refuses, since the child has other rights by now. Throws
  /// std::system_error.
  bool signal(int number);
  /// The same with a value, which the child's handler is given.
  bool queue_signal(int number, std::uintptr_t value);
  /// SIGTERM and SIGCONT. Throws std::system_error.
  void terminate();
  /// By SIGKILL. Where the system refuses that, the lifeline is closed, which ends a worker that still holds the other end.
  /// Throws std::system_error.
  void kill();
  /// Whether kill() was called.
  bool was_killed() const;
  /// Whether the system refused the signal of kill().
  bool refuses_signals() const;
  /// Until when it is worth waiting for the end of one that was killed: for 10 s from the first kill() on, or for 1 s where
  /// that could do no more than close the lifeline.
  os::Deadline patience() const;
  /// To be called just before a rung acts; counts only where the child has not ended yet. What did end it is worked out
  /// when it is reaped: a crash after a close request is a crash.
  void note_rung(StopRung rung);

 private:
  class State;
  class Leftovers;
  os::Signalling send(int number);
  std::unique_ptr<State> state_;
};

}  // namespace coproc::inline v0::process
