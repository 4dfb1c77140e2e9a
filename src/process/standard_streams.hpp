// The output streams that every program has.
//
// Thread safety: any thread.
#pragma once

namespace coproc::inline v0::process {

/// Writes out what stdout, stderr, std::cout and std::cerr hold, and nothing else: flushing all streams would write a
/// host's pending data of inherited files a second time.
void flush_standard_streams() noexcept;

/// Ends this process with what it has printed, but without the host's atexit handlers and static destructors.
[[noreturn]] void end_worker(int code) noexcept;

/// Makes exit() do as end_worker() does. Handlers that are registered after this still run.
void end_worker_at_exit() noexcept;

}  // namespace coproc::inline v0::process
