// The fork server of this process, which starts the workers of StartMethod::fork_server.
#pragma once

#include "coproc/export.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// Starts the fork server now, and not with the first worker that needs it. Then the first start is as quick as the
/// others, and the workers inherit the limits, the user and the umask of this moment. Does nothing if the fork server
/// runs. Throws StartError.
///
/// Thread safety: both functions may be called from any thread.
COPROC_API void start_fork_server(Timeout timeout = std::chrono::seconds(10));

/// Ends the fork server. Its workers live on, and the next start that needs a fork server makes a new one. The fork
/// server also ends with this process; this call is for programs that wait for all of their children, since it is one
/// of them.
COPROC_API void stop_fork_server() noexcept;

}  // namespace coproc::inline v0
