// The worker's side of Worker::stack: a signal handler that writes down where its thread is, and lets it go on.
//
// Thread safety: answer_stack_requests() is called by one thread, once in a process (and again in a forked one). The
// others are for signal handlers, in any thread.
// Invariants: one thread writes at a time. A request that finds another one in hand is not answered. A fault of the
// unwinder costs the rest of an answer, and not the worker.
#pragma once

#include <signal.h>

namespace coproc::inline v0::process {

class StackWriter;

/// The signal by which a host asks a thread for its stack. It carries the number of the request.
inline int stack_signal() noexcept { return SIGRTMAX - 2; }

/// From now on requests are answered into the area of `writer`, unless the signal has a handler already. Throws
/// std::system_error.
void answer_stack_requests(StackWriter& writer);

/// Call in the handler of a fault. If this thread was writing an answer, which was what failed, the answer ends with
/// the frames that it has, and this does not return.
void break_off_answer_of_this_thread() noexcept;

/// Waits until no answer is being written, for a moment at most, and lets none begin.
void end_stack_answers() noexcept;

}  // namespace coproc::inline v0::process
