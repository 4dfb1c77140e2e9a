// The worker's side of crash reports: signal handlers that write down where it crashed, and let it end as it would
// have.
//
// Thread safety: called by one thread, once in a process (and again in a forked one). Only that thread gets a stack
// of its own for the handlers: if another thread has used up its stack, the process ends without a report.
// Invariants: whatever happens in the handler (a second crash, a lock that is held for ever), the process ends by the
// first signal, seconds later at worst. The handler allocates nothing and takes no lock.
#pragma once

#include <cstddef>
#include <span>

#include "process/crash_area.hpp"

namespace coproc::inline v0::process {

/// From now on a crash of this process (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) is written into `area`, and so is
/// an end by SIGSYS, SIGXCPU or SIGXFSZ, by which the system refuses something; and the host may ask for stacks
/// (stack_answers.hpp). Signals that have a handler already (a
/// sanitizer's, Python's faulthandler's) are left alone. Crashes of processes that this one forks are not written.
/// REQUIRES: `area` is aligned to 8 bytes, zero, and mapped until the end of the process. Throws std::system_error.
void report_crashes_into(std::span<std::byte, kCrashReportBytes> area);

/// The same for a signal by which this process is ended on purpose, so that its report says where it was. Does nothing
/// if crashes are not reported.
void report_end_by(int signal);

/// Leaves this frame (__builtin_frame_address(0)) and those outside of it out of reports: it calls the target, and
/// they would be the same each time.
void leave_out_frames_from(const void* frame) noexcept;

}  // namespace coproc::inline v0::process
