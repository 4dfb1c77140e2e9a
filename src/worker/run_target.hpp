// Runs a target in its worker.
//
// Thread safety: for the worker's first thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "link/link.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0 {

/// Makes the core of the worker's messenger. With `reports_crashes`, crashes of this process are written into the link
/// from now on. `max_state_bytes`: of what it may save; 0: the host keeps no states.
std::unique_ptr<detail::Core> make_worker_core(std::unique_ptr<link::Link> end, const LinkOptions& link, bool reorders,
                                               int host_pid, bool reports_crashes, std::size_t max_state_bytes = 0);

/// Runs the target and returns the worker's exit code. An exception that leaves the target is sent to the host.
int run_target(const std::function<void()>& target, Messenger& messenger) noexcept;

}  // namespace coproc::inline v0
