// Results that nobody has read take memory: of a map, and of all submitted tasks together, as much as the inbox of a
// worker may.
//
// Whose results take more gets no further ones, and begins no further task, but for what a thread waits for just now.
#include <algorithm>

#include "messenger/message_access.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

namespace {

/// What a finished task takes besides the bytes of its result; at least.
constexpr std::size_t kTaskBytes = 256;

}  // namespace

bool PoolCore::is_over_limit(const Job& job) const noexcept {
  return (job.shape.is_submitted ? submitted_held_ : job.held_bytes) > options_.worker.link.max_queued_bytes;
}

/// Its result, or its error, is there to be read.
void PoolCore::hold(Job& job, Task& task) noexcept {
  task.held_bytes += kTaskBytes + task.results.capacity();  // of an error it is known already
  if (task.result) {
    task.held_bytes += MessageAccess::payload(*task.result).size();
    for (const auto& loan : MessageAccess::loans(*task.result)) task.held_bytes += loan->bytes;
  }
  held_by(job) += task.held_bytes;
}

void PoolCore::release(Job& job, Task& task) noexcept {
  const bool was_over = is_over_limit(job);
  held_by(job) -= std::exchange(task.held_bytes, 0);
  if (was_over && !is_over_limit(job) && is_driving_) ring();
}

/// Whether a thread waits for this very task.
bool PoolCore::is_needed(const Task& task) const noexcept {
  const Job& job = *task.job;
  if (job.shape.is_submitted && waits_for_submitted_ != 0) return true;
  return job.is_awaited && !job.has_result() && (!job.shape.is_ordered || task.index == job.next);
}

bool PoolCore::may_take_from(const Slot& slot) const noexcept {
  if (slot.window.empty() || is_needed_queued_) return true;
  return std::any_of(slot.window.begin(), slot.window.end(), [&](const Task& task) COPROC_REQUIRES(mutex_) {
    return !is_over_limit(*task.job) || is_needed(task);
  });
}

/// Puts what may be begun before what may not. Whether the first of the queue may.
bool PoolCore::put_needed_first() noexcept {
  is_needed_queued_ = false;
  if (queue_.empty()) return false;
  if (!is_over_limit(*queue_.front().job)) return true;
  const auto may_begin = [&](const Task& task) {
    mutex_.assume_held();  // take_if() calls this at once, but it is not the pool's
    return !is_over_limit(*task.job) || is_needed(task);
  };
  queue_.prepend(queue_.take_if(may_begin));
  is_needed_queued_ = is_needed(queue_.front());
  return is_needed_queued_ || !is_over_limit(*queue_.front().job);
}

}  // namespace coproc::inline v0::detail
