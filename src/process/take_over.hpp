// Takes over a process of this program that was executed to become a worker or a fork server, instead of its main().
//
// The process that executes it leaves a marker in the environment and a socket at a fixed number. The marker is
// looked at once, after the static initialisers and before main, and is then removed from the environment.
//
// Thread safety: for the program's first thread, before main or in it.
// Security considerations: the socket names code to run. A marker is not trusted if the program runs with another
// user's rights (set-user-ID), or if the socket was not made by this process's parent and user. Such a process does
// not go on to main either: it was not executed for that.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "process/start_request.hpp"

namespace coproc::inline v0::process {

inline constexpr const char* kMarker = "COPROC_START";

/// For the layer above: prepares what `request` asks for, before the host is told that the worker has started, and
/// returns a function that runs it and returns the exit code. Throws StartReport, std::exception.
using Prepare = std::function<int()> (*)(StartRequest& request, std::vector<os::Fd> fds);

/// True in a process that was executed to become a worker or fork server, until it is taken over. It runs the
/// program's static initialisers meanwhile, and must not start workers, or each of these would do so again.
bool awaits_take_over() noexcept;

/// Whether processes that execute this program anew will be taken over: announce_take_over() or take_over() was called.
bool can_be_taken_over() noexcept;
/// Call before the static initialisers: announces that take_over() will be called after them. `argc` is main's.
void announce_take_over(int argc) noexcept;

/// Looks at the marker. Does not return in a program that was executed as a fork server, or for one worker.
void take_over(Prepare prepare) noexcept;

/// For the program of an `executable` worker: does what the host asks for and returns the exit code; -1: this program
/// was not started by a host. Call once.
int run_as_executable(Prepare prepare);
/// Whether run_as_executable() has something to do.
bool is_executable_worker() noexcept;

}  // namespace coproc::inline v0::process
