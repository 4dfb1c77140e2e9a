// What a worker that has ended had noted of itself.
#pragma once

#include <cstdint>
#include <vector>

#include "coproc/worker_event.hpp"
#include "link/link.hpp"

namespace coproc::inline v0 {

/// The last `most` of them. `now`: of CLOCK_MONOTONIC, in nanoseconds. Empty if there is no memory for them, as well.
std::vector<WorkerEvent> last_events_of(const link::Link& host_link, std::int64_t now, std::size_t most) noexcept;

}  // namespace coproc::inline v0
