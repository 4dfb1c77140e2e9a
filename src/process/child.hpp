// One worker's process as its host holds it: its life, its lifeline, and the rungs by which it was asked to end.
//
// Thread safety: everything but moving and destroying may be called from any thread.
// Invariants: once try_reap() has returned a status it never changes: the first cause wins.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "coproc/exit_status.hpp"
#include "os/clock.hpp"
#include "process/life.hpp"
#include "process/lifeline.hpp"

namespace coproc::inline v0::process {

class Child {
 public:
  /// Makes an object without a process.
  Child() noexcept;
  /// The process's lifeline (may be null) ends with this object; a worker that holds the other end then ends, too.
  Child(std::unique_ptr<Life> life, std::unique_ptr<Lifeline> lifeline);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  /// Kills and reaps a process that is owned and has not been reaped. Waits for its end until patience() has passed; if
  /// it still lives then, later objects of this class try again. Does nothing in a process that was forked from the
  /// owner.
  ~Child();

  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Whether this is the process that started the child: in others, try_reap() and signal() throw NotOwnerError.
  bool is_own_process() const noexcept;
  pid_t pid() const noexcept;
  /// A descriptor for poll, readable when the process has ended. This object keeps owning it.
  int wait_fd() const noexcept;
  /// Whether the process has ended, reaped or not.
  bool is_ended() const noexcept;
  os::ProcessMemory memory() const noexcept;

  /// Call for a process that leads a process group: when it is reaped, the rest of its group is killed first.
  void kill_group_at_end() noexcept;
  /// Returns the status once the process has ended; it is the same at every call. Never waits. Throws
  /// std::system_error.
  std::optional<ExitStatus> try_reap();
  /// Sends a signal; its handler is given `value` if there is one. Returns false if the process has ended and was
  /// reaped, or if the system refuses because the process has other rights by now. Throws std::system_error.
  bool signal(int number, std::optional<std::uintptr_t> value = {});
  /// Sends SIGTERM and SIGCONT. Throws std::system_error.
  void terminate();
  /// Sends SIGKILL. If the system refuses that, closes the lifeline, which ends a worker that still holds the other
  /// end. Throws std::system_error.
  void kill();
  /// Whether kill() was called.
  bool was_killed() const;
  /// Whether the system refused the signal of kill().
  bool refuses_signals() const;
  /// The time until which a caller should wait for the end of a process that was killed: 10 s after the first kill(),
  /// or 1 s if kill() could only close the lifeline.
  os::Deadline patience() const;
  /// Call just before a rung acts. It counts only if the process has not ended yet. Which rung ended it is worked out
  /// when it is reaped: a crash after a close request is a crash.
  void note_rung(StopRung rung);

 private:
  struct State;
  class Leftovers;
  os::Signalling send(int number, std::optional<std::uintptr_t> value = {});
  std::unique_ptr<State> state_;
};

}  // namespace coproc::inline v0::process
