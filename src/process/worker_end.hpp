// How a worker's process ends: with all that was written and made in it, and with nothing of its host's.
//
// Thread safety: for the worker's first thread; what exit() calls, for the thread that calls it.
#pragma once

namespace coproc::inline v0::process {

/// In a worker's process, before anything of the worker's own runs in it. What the process that it was forked from (its
/// host, the fork server) has begun to write into files is forgotten here, where it would be written a second time; and from
/// now on exit() ends this process as exit_worker() does. Exit handlers that were registered before do not run any more.
/// `had_threads`: the process that it was forked from had more than one thread.
void begin_worker(bool had_threads);

/// Whether a worker of this program looks for leaks at its end.
bool looks_for_leaks() noexcept;

/// Ends the worker as exit() ends a program: exit handlers that were registered in it run, its static and thread-local
/// objects are destroyed, what it has written to its streams is written out, and so are coverage and leak reports. In a
/// process that did not begin_worker(), which is not all coproc's, as end_worker().
[[noreturn]] void exit_worker(int code) noexcept;

/// Ends this process with what it has printed, and nothing more.
[[noreturn]] void end_worker(int code) noexcept;

}  // namespace coproc::inline v0::process
