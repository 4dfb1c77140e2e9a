// The allocator of the C library.
#pragma once

namespace coproc::inline v0::os {

/// Makes glibc's allocator read /proc/sys/vm/overcommit_memory now. It does so once in a process, and not before a
/// thread (as a rule, one other than the first) returns memory to the system: too late for a process that is going to
/// lose its files. Takes up to 64 MiB, of which few pages are touched, and starts a thread, for a moment. If these
/// cannot be had, nothing happens.
void read_allocator_settings() noexcept;
/// From now on up to so many bytes of freed memory at the end of the heap stay with this process.
void keep_freed_memory(int bytes) noexcept;

}  // namespace coproc::inline v0::os
