// How a worker's process ends: with everything that was written and made in it, and with nothing of its host's.
//
// Thread safety: for the worker's first thread; handlers run in the thread that calls exit().
#pragma once

namespace coproc::inline v0::process {

/// Call in a worker's process before anything of the worker's own runs. Drops the output that the process it was
/// forked from (its host, the fork server) has begun and not written yet, which would be written twice. From now on
/// exit() ends this process as exit_worker() does; exit handlers that were registered before do not run.
/// `had_threads`: the process that it was forked from had more than one thread.
void begin_worker(bool had_threads);

/// Whether a worker of this program checks for leaks at its end.
bool looks_for_leaks() noexcept;

/// From now on this worker does not check for leaks at its end: it is in a box, and the check wants to trace it.
void forgo_leak_check() noexcept;

/// Ends the worker as exit() ends a program: exit handlers that were registered in it run, its static and
/// thread-local objects are destroyed, and its streams, coverage and leak reports are written. A process that did not
/// call begin_worker(), and so is not coproc's own, ends as by end_worker().
[[noreturn]] void exit_worker(int code) noexcept;

/// Ends this process after writing what it has printed, and does nothing more.
[[noreturn]] void end_worker(int code) noexcept;

}  // namespace coproc::inline v0::process
