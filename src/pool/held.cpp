// Bounds the memory of unread results: those of a map, and those of all submitted tasks together, may take as many
// bytes as the inbox of a worker (LinkOptions::max_queued_bytes).
//
// Beyond the limit no further results are taken in and no further tasks begin, except those that a thread waits for
// and those at whose end a function is called (JobHandle::then).
#include <algorithm>

#include "coproc/detail/message_access.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

namespace {

/// The least memory that a finished task takes besides the bytes of its result.
constexpr std::size_t kTaskBytes = 256;

}  // namespace

bool PoolCore::is_over_limit(const Job& job) const noexcept {
  return (job.shape.is_submitted ? submitted_held_ : job.held_bytes) > options_.worker.link.max_queued_bytes;
}

/// Counts the bytes of a finished task as unread.
void PoolCore::hold(Job& job, Task& task) noexcept {
  task.held_bytes += kTaskBytes + task.results.capacity();  // take_result() has counted those of an error
  if (task.result) {
    task.held_bytes += MessageAccess::payload(*task.result).size();
    for (const auto& loan : MessageAccess::loans(*task.result)) task.held_bytes += loan->bytes;
  }
  held_by(job) += task.held_bytes;
}

/// The counterpart of hold(), for a task that was read or dropped. Wakes the driver if tasks may begin again.
void PoolCore::release(Job& job, Task& task) noexcept {
  const bool was_over = is_over_limit(job);
  held_by(job) -= std::exchange(task.held_bytes, 0);
  if (!was_over || is_over_limit(job)) return;
  if (is_driving_) wake_driver();
  if (event_loop_ != nullptr) event_loop_->has_news = true;  // the next poll() hands tasks out again
}

/// Whether a thread, or a function that is called at its end, waits for the result of this task.
bool PoolCore::is_needed(const Task& task) const noexcept {
  const Job& job = *task.job;
  if (job.shape.is_submitted && waits_for_submitted_ != 0) return true;
  return (job.is_awaited || job.then != nullptr) && !job.has_result() &&
         (!job.shape.is_ordered || task.index == job.next);
}

/// Whether answers of this worker may be taken in: below the limit, or if a thread waits for one of its tasks.
bool PoolCore::may_take_from(const Slot& slot) const noexcept {
  if (slot.window.empty() || is_needed_queued_) return true;
  return std::any_of(slot.window.begin(), slot.window.end(), [&](const Task& task) COPROC_REQUIRES(mutex_) {
    return !is_over_limit(*task.job) || is_needed(task);
  });
}

/// Puts tasks that may begin at the front of the queue, if the first one may not. Returns whether the first task may
/// begin then.
bool PoolCore::put_needed_first() noexcept {
  is_needed_queued_ = false;
  if (queue_.empty()) return false;
  if (!is_over_limit(*queue_.front().job)) return true;
  const auto may_begin = [&](const Task& task) {
    mutex_.assume_held();  // take_if() calls this at once, but TaskList has no annotations of the pool's mutex
    return !is_over_limit(*task.job) || is_needed(task);
  };
  queue_.prepend(queue_.take_if(may_begin));
  is_needed_queued_ = is_needed(queue_.front());
  return is_needed_queued_ || !is_over_limit(*queue_.front().job);
}

}  // namespace coproc::inline v0::detail
