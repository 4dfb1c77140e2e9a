// In a program that was executed to become a worker or a fork server: takes the process over, instead of its main().
//
// Whoever executes it leaves a marker in the environment and a socket at a fixed number. The marker is looked at once, after
// the static initialisers and before main, and leaves the environment then.
//
// Thread safety: for the program's first thread, before main or in it.
// Security considerations: the socket names code to run. A marker is not believed where the program runs with another
// user's rights (set-user-ID), or where the socket was not made by this process's parent and user. Nor does such a process
// go on to main: it was not executed for that.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "process/start_request.hpp"

namespace coproc::inline v0::process {

inline constexpr const char* kMarker = "COPROC_START";

/// For the layer above: makes ready what `request` asks for, before the host is told that the worker has started, and gives
/// back what to run, which returns the exit code. Throws StartReport, std::exception.
using Prepare = std::function<int()> (*)(StartRequest& request, std::vector<os::Fd> fds);

/// True in a process that was executed to become a worker or fork server, until it is taken over: it runs the program's
/// static initialisers, and must not start workers of its own, or each of them would do so again.
bool awaits_take_over() noexcept;

/// Whether processes that execute this program anew will be taken over: announce_take_over() or take_over() was called.
bool can_be_taken_over() noexcept;
/// Before the static initialisers: take_over() will be called after them. `argc`: main's.
void announce_take_over(int argc) noexcept;

/// Looks at the marker. In a program that was executed as a fork server, or for one worker, it does not return.
void take_over(Prepare prepare) noexcept;

/// For the program of an `executable` worker: does what the host asks for and returns the exit code; -1: no host has
/// started this program. To be called once.
int run_as_executable(Prepare prepare);
/// Whether run_as_executable() has something to do.
bool is_executable_worker() noexcept;

}  // namespace coproc::inline v0::process
