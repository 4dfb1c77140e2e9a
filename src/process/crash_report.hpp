// The host's side of crash reports: what a worker left in its area, in words.
//
// Thread safety: a free function over values; the loader's lock is taken for a moment.
// Invariants: the worker is not believed. Its area is copied once and checked; a path in it is never opened, only compared
// with those of the modules that the host has itself loaded.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "os/file.hpp"
#include "process/crash_area.hpp"

namespace coproc::inline v0::process {

/// One line for each frame, the innermost first; empty where the worker wrote no complete report, or nonsense.
///
///     #0 indexer::parse(int) + 0x1c (indexer+0x4f2c), accessing 0x10
///     #1 main + 0x40 (indexer+0x5120)
///     #2 libother.so+0x1234
///     #3 0x7f0e7ab4824a
///
/// The numbers are those that `addr2line -e MODULE` takes. `program` is the path of the worker's program, as the host
/// knows it; empty: the host's own. Where `as_started` is not what lies there now, or where reading takes too long, there
/// are no names. REQUIRES: area is aligned to 8 bytes.
std::vector<std::string> read_crash_report(std::span<const std::byte, kCrashReportBytes> area,
                                           const std::string& program,
                                           const std::optional<os::FileIdentity>& as_started = {});

}  // namespace coproc::inline v0::process
