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

std::int64_t Watch::due() const noexcept {
  return is_over_ || !health_.has_limits() ? std::chrono::nanoseconds::max().count() : due_;
}

std::chrono::nanoseconds Watch::next() const noexcept {
  const std::int64_t at = due();
  if (at == std::chrono::nanoseconds::max().count()) return std::chrono::nanoseconds::max();
  return std::chrono::nanoseconds(std::max<std::int64_t>(at - os::now_ns(), 0));
}

std::chrono::nanoseconds Watch::look(Worker& worker, detail::Core& core) {
  if (auto hang = find_hang(worker, core)) {
    end(worker, *std::move(hang));
    is_over_ = !worker.is_alive();
  }
  return next();
}

std::optional<Hang> Watch::find_hang(Worker& worker, detail::Core& core, const std::optional<InHand>& known) {
  if (next() != std::chrono::nanoseconds::zero() || !worker.is_alive()) return std::nullopt;
  const HealthSample seen = sample(worker, core, known);
  const std::int64_t now = os::now_ns();
  due_ = now + health_.period();
  if (health_.look(now, seen) != HealthState::hung) return std::nullopt;
  Hang hang = health_.hang();
  hang.note = std::move(seen_.beats.note);
  return hang;
}

void Watch::end(Worker& worker, Hang hang) const {
  detail::WorkerAccess::end_hung(worker, std::move(hang), asks_where_);
}

HealthSample Watch::sample(Worker& worker, detail::Core& core, const std::optional<InHand>& known) {
  core.look_at_health(seen_);
  HealthSample sample;
  sample.waits_for_records = seen_.link.waits_for_records;
  sample.is_blocked_by_host = seen_.link.is_blocked;
  sample.has_unread = health_.has_unread_limit() && seen_.link.has_unread;
  sample.has_read = seen_.link.has_read;
  sample.has_sent = seen_.link.has_sent;
  sample.beats = seen_.beats.count;
  if (known) {
    sample.is_blocked_by_host = sample.is_blocked_by_host || known->is_unread;
    // It may have answered it, although the answer was not taken in yet: then it waits for the next one.
    if (known->task && !sample.waits_for_records && health_.has_reply_limit()) sample.in_hand.push_back({*known->task});
    if (known->task && sample.beats != 0) sample.beats += *known->task;  // a task that has ended is a sign of life, too
  } else if (health_.has_reply_limit()) {
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
