#include "supervise/watch.hpp"

#include <algorithm>
#include <utility>

#include "os/clock.hpp"
#include "os/proc_stat.hpp"
#include "os/threads_of.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::supervise {

void Watch::begin() noexcept {
  health_.begin();
  is_over_ = false;
  due_ = 0;
}

std::chrono::nanoseconds Watch::next() const noexcept {
  if (is_over_ || !health_.has_limits()) return std::chrono::nanoseconds::max();
  return std::chrono::nanoseconds(std::max<std::int64_t>(due_ - os::now_ns(), 0));
}

std::chrono::nanoseconds Watch::look(Worker& worker, detail::Core& core) {
  if (const auto left = next(); left != std::chrono::nanoseconds::zero() || !worker.is_alive()) return left;
  const HealthSample seen = sample(worker, core);
  const std::int64_t now = os::now_ns();
  due_ = now + health_.period();
  if (health_.look(now, seen) != HealthState::hung) return std::chrono::nanoseconds(health_.period());
  Hang hang = health_.hang();
  hang.note = std::move(seen_.beats.note);
  detail::WorkerAccess::end_hung(worker, std::move(hang), asks_where_);
  is_over_ = !worker.is_alive();
  return next();
}

HealthSample Watch::sample(Worker& worker, detail::Core& core) {
  core.look_at_health(seen_);
  HealthSample sample;
  sample.waits_for_records = seen_.link.waits_for_records;
  sample.is_blocked_by_host = seen_.link.is_blocked;
  sample.has_unread = health_.has_unread_limit() && seen_.link.has_unread;
  sample.has_read = seen_.link.has_read;
  sample.has_sent = seen_.link.has_sent;
  sample.beats = seen_.beats.count;
  if (health_.has_reply_limit()) {
    for (const auto& [id, is_stream] : seen_.in_hand) sample.in_hand.push_back({id, is_stream});
  }
  if (sample.waits_for_records && sample.in_hand.empty()) return sample;  // idle, and as such never hung
  const int pid = worker.pid();
  sample.is_stopped = os::is_stopped_or_traced(pid);
  const auto stat = os::read_proc_stat("/proc/" + std::to_string(pid));
  sample.is_asleep = stat && stat->state != 'R';
  return sample;
}

}  // namespace coproc::inline v0::supervise
