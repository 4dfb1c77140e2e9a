// Where a thread of a living worker is.
#pragma once

#include <string>
#include <vector>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// What `Worker::stack` has learned about one thread of a worker. It is what the worker and the system said at one
/// moment, and for people: a worker that was taken over may answer anything.
struct ThreadStack {
  /// The thread's number in the system. That of the first thread is the worker's pid.
  int id = 0;
  /// The name that the thread has given itself, without anything that a terminal would act upon.
  std::string name = {};
  /// "running", "sleeping", "in an uninterruptible sleep", "stopped", "held by a debugger", "ended", or "unknown".
  std::string state = {};
  /// The kernel's name of the system call in which the thread waits, such as "futex". Empty if it is in none, or if the
  /// system does not tell.
  std::string system_call = {};
  /// The innermost call first, as in `ExitStatus::stack`.
  std::vector<std::string> stack = {};
  /// Why there is no stack. Empty if there is one.
  std::string note = {};

  /// All of this in lines.
  COPROC_API std::string describe() const;
};

}  // namespace coproc::inline v0
