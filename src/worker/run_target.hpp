// Runs a target in its worker.
//
// Thread safety: for the worker's first thread.
#pragma once

#include <functional>
#include <memory>

#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "link/link.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0 {

/// What stands behind the worker's messenger. `reports_crashes`: from now on this process's crashes are written into the
/// link.
std::unique_ptr<detail::Core> make_worker_core(std::unique_ptr<link::Link> end, const LinkOptions& link, bool reorders,
                                               int host_pid, bool reports_crashes);

/// The worker's exit code: what leaves the target decides it. An exception is sent to the host.
int run_target(const std::function<void()>& target, Messenger& messenger) noexcept;

}  // namespace coproc::inline v0
