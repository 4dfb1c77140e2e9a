// The worker's side of a start in a new program: what has become of the process is made into the worker that the host's
// request describes.
//
// Thread safety: for the process's first thread.
#pragma once

#include "os/fd.hpp"
#include "process/take_over.hpp"

namespace coproc::inline v0::process {

/// Receives the request, sets the process up, reports, runs what `prepare` gave, and returns its exit code. `is_own`: the
/// process is all coproc's (fork server, spawn), so that it ends without the program's exit handlers; else it is the
/// program's own (executable), and keeps its signal handlers, too.
int run_program_worker(os::Fd socket, Prepare prepare, bool is_own) noexcept;

}  // namespace coproc::inline v0::process
