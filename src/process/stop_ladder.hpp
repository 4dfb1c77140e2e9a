// The stop ladder: close request, SIGTERM, SIGKILL, each with its own time, as data.
//
// Thread safety: one thread for one child's ladder; keep_draining runs in that thread.
#pragma once

#include <optional>
#include <span>

#include "coproc/exit_status.hpp"
#include "coproc/timeout.hpp"
#include "os/clock.hpp"
#include "process/child.hpp"
#include "process/function_ref.hpp"

namespace coproc::inline v0::process {

struct Rung {
  StopRung rung;
  /// How long to wait for the end after the rung has acted.
  Timeout time;
  /// The action. Empty: SIGTERM (and SIGCONT, so that a stopped process can act on it) for `terminate`, SIGKILL for
  /// `kill`, nothing for the others.
  FunctionRef<void()> act = {};
};

/// What is done during the waits. All may be empty.
struct LadderWait {
  /// Called at least every 10 ms, and once after the end, so that a worker that is blocked in a send can go on. Must
  /// not throw.
  FunctionRef<void()> keep_draining = {};
  /// A descriptor that is readable when there is something to drain; -1: none. Stays the caller's.
  int extra_fd = -1;
  /// Whether pthread_cancel() may end the thread in this wait. Must be false in destructors.
  bool may_unwind = false;
};

/// Does the rung's action, and does not wait.
void take_rung(Child& child, const Rung& rung);

/// Waits for the child's end; nullopt when the time is over. Throws std::system_error.
std::optional<ExitStatus> wait_for_end(Child& child, const os::Deadline& deadline, const LadderWait& wait);

/// The same for many children at once: waits until all have ended, or the time is over. Throws std::system_error.
void wait_for_ends(std::span<Child* const> children, const os::Deadline& deadline, const LadderWait& wait);

/// Takes the rungs in order until the child has ended; NotYetEnded if it outlives the last one. A child that has
/// ended already is only reaped, and one that was killed before meets no gentler rung. Throws std::system_error.
ExitStatus run_ladder(Child& child, std::span<const Rung> rungs, const LadderWait& wait);

}  // namespace coproc::inline v0::process
