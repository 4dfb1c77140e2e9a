// The output streams that every program has.
//
// Thread safety: any thread.
#pragma once

namespace coproc::inline v0::process {

/// Flushes stdout, stderr, std::cout, std::cerr and their like, and nothing else: flushing all streams would write a
/// host's pending data of inherited files a second time.
void flush_standard_streams() noexcept;

}  // namespace coproc::inline v0::process
