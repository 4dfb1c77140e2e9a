// The host's side of every start: takes ownership of the new process, and waits for its report.
//
// Thread safety: free functions; one thread for one start.
#pragma once

#include <sys/types.h>

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
/// Lets the worker go on and waits for its report; drains `error_output` (may be null) meanwhile. If the process
/// failed, the report's text ends with the last of that output. Throws std::system_error.
StartOutcome await_start(Child& child, StartChannel& channel, const os::Deadline& deadline, StderrTail* error_output);

/// Returns how a process ended that has closed its socket: that happens a little before its pidfd becomes readable.
/// nullopt if it lives on. Throws std::system_error.
std::optional<ExitStatus> end_after_hang_up(Child& child, const os::Deadline& deadline);

/// Returns "; the end of its stderr: ...", or "" if there is none.
std::string quoted_tail(const StderrTail* error_output);

}  // namespace coproc::inline v0::process
