// The host's side of every start: takes ownership of the new process, and waits for its report.
//
// Thread safety: free functions; one thread for one start.
#pragma once

#include <sys/types.h>

#include <array>
#include <memory>
#include <optional>

#include "coproc/exit_status.hpp"
#include "os/clock.hpp"
#include "process/child.hpp"
#include "process/lifeline.hpp"
#include "process/start_channel.hpp"
#include "process/stderr_tail.hpp"

namespace coproc::inline v0::process {

/// Makes a new child of this process a Child. If that fails, the process is ended and reaped. Throws
/// std::system_error.
Child take_charge(pid_t pid, StartChannel& channel, const os::Deadline& deadline, std::unique_ptr<Lifeline> lifeline);

struct StartOutcome {
  StartReport report;
  std::optional<ExitStatus> status;  // if the process ended without a report
};
/// The wait for a worker's report, which lets the worker go on first, and drains `error_output` (may be null)
/// meanwhile. If the process failed, the report's text ends with the last of that output.
///
/// Thread safety: one thread at a time.
class ReportWait {
 public:
  ReportWait(Child& child, StartChannel& channel, const os::Deadline& deadline, StderrTail* error_output) noexcept
      : child_(child), channel_(channel), deadline_(deadline), error_output_(error_output) {}

  /// Takes in what has arrived, without waiting. nullopt: the report may still come. Throws std::system_error.
  std::optional<StartOutcome> look();
  /// The descriptors that become readable when look() has something to do; -1 in the place of one that is not there.
  std::array<int, 3> fds() const noexcept;
  /// Waits for the report. Throws std::system_error.
  StartOutcome await();

 private:
  StartOutcome without_report();

  Child& child_;
  StartChannel& channel_;
  const os::Deadline deadline_;
  StderrTail* const error_output_;
  bool is_confirmed_ = false;
};

/// Waits until one of these descriptors is readable, or the time is over; those that are -1 are not there. Throws
/// std::system_error.
void wait_for_any(const std::array<int, 3>& fds, const os::Deadline& deadline);

/// Returns how a process ended that has closed its socket: that happens a little before its pidfd becomes readable.
/// nullopt if it lives on. Throws std::system_error.
std::optional<ExitStatus> end_after_hang_up(Child& child, const os::Deadline& deadline);

/// Returns "; the end of its stderr: ...", or "" if there is none.
std::string quoted_tail(const StderrTail* error_output);

}  // namespace coproc::inline v0::process
