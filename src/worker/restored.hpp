// The state that this worker was given at its start, which an earlier one has saved.
//
// Thread safety: `set_restored` is called before the target runs, and the state does not change any more after that.
#pragma once

#include <cstddef>
#include <memory>

#include "messenger/saved_states.hpp"

namespace coproc::inline v0 {

/// Also for null: a worker that was forked has that of its host. `max_allocation`: of the value that is decoded from
/// it, in bytes.
void set_restored(std::shared_ptr<const detail::SavedState> state, std::size_t max_allocation) noexcept;

}  // namespace coproc::inline v0
