// The worker's side of a start in a new program: makes the process the worker that the host's request describes.
//
// Thread safety: for the process's first thread.
#pragma once

#include "os/fd.hpp"
#include "process/take_over.hpp"

namespace coproc::inline v0::process {

/// Receives the request, sets the process up, reports, and runs what `prepare` returned. For a process that is
/// coproc's own (fork server, spawn) and ends by exit_worker(). REQUIRES: os::reset_signals() was called here, or in
/// the fork server. Returns the exit code.
int run_own_worker(os::Fd socket, Prepare prepare) noexcept;

/// The same in a program's own process (executable), which keeps its signal handlers.
int run_program_worker(os::Fd socket, Prepare prepare) noexcept;

}  // namespace coproc::inline v0::process
