// Output that was written to the C library's streams, and not yet to their files.
//
// Thread safety: forget_pending_output() for a process with one thread; write_pending_output() for any thread.
#pragma once

namespace coproc::inline v0::os {

/// Call before a fork, so that the child need not ask the loader, whose lock another thread may have held.
void find_streams() noexcept;

/// Drops all pending output of this process: the process that it was forked from has it, too, and writes it.
void forget_pending_output() noexcept;

/// Writes pending output, except for streams that other threads are using (one that waits for input would be waited
/// for). Does nothing if forget_pending_output() could not see all streams.
void write_pending_output() noexcept;

}  // namespace coproc::inline v0::os
