// The target of the index workers.
#pragma once

#include <coproc/coproc.hpp>

namespace search {

/// Indexes files and answers queries until the host asks it to close. What it has indexed is its state: a fresh worker
/// knows nothing.
void index_worker(coproc::PriorityMessenger& host);

}  // namespace search
