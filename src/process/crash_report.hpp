// The host's side of crash reports: turns what a worker left in its area into text.
//
// Thread safety: a free function over values. It takes the loader's lock for a moment.
// Invariants: the worker is not trusted. Its area is copied once and checked. A path in it is never opened, only
// compared with those of the modules that the host itself has loaded.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coproc/exit_status.hpp"
#include "os/file.hpp"
#include "process/crash_area.hpp"

namespace coproc::inline v0::process {

/// One line for each frame, the innermost first; empty if the worker wrote no complete report, or an invalid one.
///
///     #0 indexer::parse(int) + 0x1c (indexer+0x4f2c), accessing 0x10
///     #1 main + 0x40 (indexer+0x5120)
///     #2 libother.so+0x1234
///     #3 0x7f0e7ab4824a
///
/// The numbers are those that `addr2line -e MODULE` takes. `program` is the path of the worker's program, as the host
/// knows it; empty: the host's own. If the file has changed since `as_started`, or if reading takes too long, there
/// are no names. REQUIRES: `area` is aligned to 8 bytes.
std::vector<std::string> read_crash_report(std::span<const std::byte, kCrashReportBytes> area,
                                           const std::string& program,
                                           const std::optional<os::FileIdentity>& as_started = {});

/// The same for the answer to a request for a stack.
std::vector<std::string> describe_stack(const CrashArea& answer, const std::string& program,
                                        const std::optional<os::FileIdentity>& as_started);

/// The system call that the worker's sandbox refused, as the worker reports it; nullopt if it reports none. REQUIRES:
/// `area` is aligned to 8 bytes.
std::optional<Violation> read_violation(std::span<const std::byte, kCrashReportBytes> area);

}  // namespace coproc::inline v0::process
