// Calls the functions that wait for the end of submitted tasks (JobHandle::then).
#pragma once

#include <memory>

#include "pool/job.hpp"

namespace coproc::inline v0::detail {

/// The functions of jobs that have ended, which a thread calls one after the other. They are the user's: they may
/// submit tasks, wait for others, and throw.
///
/// Thread safety: each thread has its own.
/// Invariants: a function that calls the pool leaves to the outermost call what becomes due meanwhile. Otherwise
/// functions that submit tasks would nest without bound. Only a wait inside of a function calls them at once, since
/// what it waits for may depend on them.
class EndCalls {
 public:
  /// Calls the functions of these jobs, which are linked latest first (Job::next_to_call), in the order in which they
  /// have ended. Within such a function it leaves them to the call that is under way.
  /// REQUIRES: no pool's mutex is held, and this thread does not drive.
  static void make(std::shared_ptr<Job> latest_first) noexcept { call(std::move(latest_first), false); }
  /// The same for a thread that waits: calls at once also what was left to the call that is under way.
  static void make_all(std::shared_ptr<Job> latest_first) noexcept { call(std::move(latest_first), true); }
  /// Whether something was left to the call that is under way in this thread.
  static bool are_left() noexcept;

 private:
  static void call(std::shared_ptr<Job> latest_first, bool at_once) noexcept;
};

}  // namespace coproc::inline v0::detail
