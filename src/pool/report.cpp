// What a pool tells the census.
#include "census/pool.hpp"
#include "os/mutex.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

/// It takes the mutex without `Lock`, whose end runs code of the user: the census is locked here.
census::PoolReading PoolCore::read() noexcept {
  const os::MutexLock lock(mutex_);
  census::PoolReading now;
  now.queued = queue_.calls();
  for (const auto& slot : slots_) {
    now.totals.succeeded += slot->insights.tasks - slot->insights.failed;
    now.totals.failed += slot->insights.failed;
    now.totals.starts += slot->insights.starts;
    now.totals.task_time += slot->insights.work_time;
    now.sent += slot->window.calls();
    if (slot->has_process()) ++now.workers;
    if (slot->phase == Slot::Phase::ready) ++now.ready;
  }
  return now;
}

}  // namespace coproc::inline v0::detail
