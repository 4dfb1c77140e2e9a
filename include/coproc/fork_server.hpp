// The fork server of this process: where workers by StartMethod::fork_server come from.
#pragma once

#include "coproc/export.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// Starts it now, and not with the first worker that needs it: so that the first start is as quick as the others, or that
/// its workers inherit limits, user and umask as they are now. Does nothing where it runs. Throws StartError.
///
/// Thread safety: any thread, and so is the other one.
COPROC_API void start_fork_server(Timeout timeout = std::chrono::seconds(10));

/// Ends it; its workers live on. The next start that needs it makes a new one. It ends with this process, too: this is for
/// programs that wait for all of their children, of which it is one.
COPROC_API void stop_fork_server() noexcept;

}  // namespace coproc::inline v0
