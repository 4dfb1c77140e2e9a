// What has been written to the C library's streams, and not to their files yet.
//
// Thread safety: forget_pending_output() for a process with one thread; write_pending_output() for any thread.
#pragma once

namespace coproc::inline v0::os {

/// Before a fork, so that the child does not have to ask the loader, whose lock another thread may have had.
void find_streams() noexcept;

/// All that waits in this process is dropped: another process has it, too, and writes it.
void forget_pending_output() noexcept;

/// Writes it out, but for what other threads are just using (such as the one that waits for input, and would be waited for).
/// Where forget_pending_output() could not see all streams, nothing.
void write_pending_output() noexcept;

}  // namespace coproc::inline v0::os
