// The host's side of every start: owns the new process, and waits for its report.
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

/// Gives a new child of this process its owner. Where that fails, the child is ended and reaped. Throws
/// std::system_error.
Child take_charge(pid_t pid, StartChannel& channel, const os::Deadline& deadline, std::unique_ptr<Lifeline> lifeline);

struct StartOutcome {
  StartReport report;
  std::optional<ExitStatus> status;  // where the process ended without a report
};
/// Tells the worker to go on and waits for its report, draining `error_output` (may be null) meanwhile. The report's text
/// has the end of that where the process failed. Throws std::system_error.
StartOutcome await_start(Child& child, StartChannel& channel, const os::Deadline& deadline, StderrTail* error_output);

/// How a process ended that has closed its socket: it does so a little before its pidfd says that it has ended. Nothing: it
/// lives on. Throws std::system_error.
std::optional<ExitStatus> end_after_hang_up(Child& child, const os::Deadline& deadline);

/// "; the end of its stderr: ...", or nothing.
std::string quoted_tail(const StderrTail* error_output);

}  // namespace coproc::inline v0::process
