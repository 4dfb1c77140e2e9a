// Driving: one thread at a time takes in results and ends, hands out tasks, and sleeps until there is more to do.
#include <algorithm>
#include <cassert>
#include <new>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "coproc/errors.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "pool/core.hpp"
#include "pool/protocol.hpp"

namespace coproc::inline v0::detail {

namespace {

/// A longer nap would delay the readers of results noticeably, and a shorter one saves nothing.
constexpr std::chrono::nanoseconds kLongestNap = std::chrono::milliseconds(6);
constexpr std::chrono::nanoseconds kShortestNap = std::chrono::microseconds(20);
constexpr int kMostEmptyNaps = 3;
/// The interval at which the driver tries again to write to a worker whose link was full.
constexpr std::chrono::nanoseconds kLookAtStuckEvery = std::chrono::milliseconds(1);
/// A worker that has more than one call may publish results without a wake-up. The driver checks for them at intervals
/// that grow as long as none arrive.
constexpr std::chrono::nanoseconds kFirstLookForQuiet(pool::kQuietFor);
constexpr std::chrono::nanoseconds kLastLookForQuiet = std::chrono::milliseconds(50);
constexpr std::chrono::milliseconds kRestAfterError{1};
/// The time that a worker spends on each task besides the call itself, as measured.
constexpr std::uint64_t kTaskOverhead = 400;  // ns

/// Waits until one of these messengers has a message or an error, and returns its index. Returns nullopt if the time is
/// over, if the doorbell interrupted the wait, or if the wait failed. Throws what the wait hook throws.
std::optional<std::size_t> wait_for_any(std::span<Messenger* const> messengers, std::chrono::nanoseconds time) {
  try {
    return coproc::wait_any(messengers, Timeout(time));
  } catch (const InterruptedError&) {
    // Only the doorbell is interrupted.
  } catch (const Error&) {
    // It is an error of one messenger, which the next round meets again; or the system cannot wait now, so that the
    // driver has to check at intervals.
    std::this_thread::sleep_for(kRestAfterError);
  } catch (const std::bad_alloc&) {
    std::this_thread::sleep_for(kRestAfterError);
  }
  return std::nullopt;
}

}  // namespace

/// This thread drives while it lives.
class PoolCore::Turn {
 public:
  explicit Turn(PoolCore& core) COPROC_REQUIRES(core.mutex_) : core_(core) { core_.is_driving_ = true; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { core_.is_driving_ = false; }

 private:
  PoolCore& core_;
};

/// While it lives, wake_driver() interrupts the doorbell.
class PoolCore::Asleep {
 public:
  explicit Asleep(PoolCore& core) COPROC_REQUIRES(core.mutex_) : core_(core) { core_.is_asleep_ = true; }
  Asleep(const Asleep&) = delete;
  Asleep& operator=(const Asleep&) = delete;
  ~Asleep() { core_.is_asleep_ = false; }

 private:
  PoolCore& core_;
};

/// One round: takes in results and ends, and hands out tasks, without waiting. Returns whether anything was done.
bool PoolCore::pump() noexcept {
  if (!is_own_process()) return false;  // the workers belong to another process
  const os::NoCancel stays;             // a cancellation in the middle would leave the slots inconsistent
  bool any = false;
  for (const auto& slot : slots_) any = collect(*slot) || any;
  any = take_ends() || any;
  end_overdue();
  replace_used_up();
  any = dispatch() || any;
  any = find_hung() || any;
  any = std::exchange(any_ended_, false) || any;  // whatever the step in which a worker's end was taken in
  check_invariants();
  ++rounds_;
  if (event_loop_ != nullptr) event_loop_->looked_at = os::now_ns();
  if (pollers_ != 0) notify_all();
  return any;
}

/// Runs the user's code that was deferred: destroys dropped tasks, and calls `then` of ended jobs. Returns whether
/// there was any; then the mutex was unlocked, and other threads may have driven.
/// REQUIRES: this thread does not drive, or a destructor that calls the pool would wait for its own thread.
bool PoolCore::run_deferred() noexcept {
  if (dropped_.empty() && to_call_ == nullptr && !EndCalls::are_left()) return false;
  const os::NoCancel stays;
  TaskList dropped = std::move(dropped_);
  std::shared_ptr<Job> to_call = std::move(to_call_);
  arm_event_loop();
  notify_all();  // another thread may drive meanwhile
  const os::MutexUnlock unlocked(mutex_);
  dropped.clear();
  EndCalls::make_all(std::move(to_call));
  return true;
}

/// Checks, in debug builds, only the jobs at the front of the queue and of the windows: to check all jobs would take
/// too long if there are many.
void PoolCore::check_invariants() const {
#ifndef NDEBUG
  if (!queue_.empty()) assert(invariant_broken_by(*queue_.front().job).empty());
  for (const auto& slot : slots_) {
    if (!slot->window.empty()) assert(invariant_broken_by(*slot->window.front().job).empty());
  }
#endif
}

void PoolCore::drive_once(const os::Deadline& deadline) {
  const Turn turn(*this);
  if (pump()) {
    empty_naps_ = 0;
  } else if (dropped_.empty() && to_call_ == nullptr) {
    sleep(deadline);
  }
}

/// Returns how long the driver should nap instead of waiting for the next result, or zero if it should wait. If every
/// busy worker has more than one call, a wake-up for each result costs more than it gains. A nap takes half of the
/// estimated time until the first worker runs out of calls.
std::chrono::nanoseconds PoolCore::nap_length() const noexcept {
  auto least = std::chrono::nanoseconds::max();
  const std::int64_t now = os::now_ns();
  for (const auto& slot : slots_) {
    if (slot->window.empty() && slot->phase == Slot::Phase::ready) continue;
    if (slot->window.calls() < 2 || !slot->is_open()) return {};
    const Job& job = *slot->window.front().job;
    if (job.function->task_ns == 0) return {};
    const std::uint64_t whole = slot->window.calls() * (job.function->task_ns + kTaskOverhead);
    least = std::min(least, std::chrono::nanoseconds((slot->head_since + static_cast<std::int64_t>(whole) - now) / 2));
  }
  if (least < kShortestNap || least == std::chrono::nanoseconds::max()) return {};
  return std::min(least, kLongestNap);
}

/// Returns when the driver, which has looked at `now`, has to look at this slot again if nothing arrives before.
std::int64_t PoolCore::next_look(const Slot& slot, std::int64_t now) const noexcept {
  std::int64_t at = due_at(slot);
  if (slot.is_watched()) at = std::min(at, slot.watch.due());
  const bool is_idle = slot.phase == Slot::Phase::ready && slot.window.empty();
  if (is_idle && (slot.given != 0 || queue_.empty())) at = std::min(at, slot.recycling.age_due());
  if (slot.stuck_since() != 0) at = std::min(at, now + kLookAtStuckEvery.count());
  if (slot.window.calls() > 1 && may_take_from(slot)) {
    const std::chrono::nanoseconds since(now - slot.received_at);
    at = std::min(at, now + std::clamp(since, kFirstLookForQuiet, kLastLookForQuiet).count());
  }
  return at;
}

void PoolCore::sleep(const os::Deadline& deadline) {
  arm_event_loop();
  // After several naps without news the driver waits once, because a nap does not notice the end of a worker.
  const auto nap =
      empty_naps_ == kMostEmptyNaps ? std::chrono::nanoseconds::zero() : std::min(nap_length(), deadline.remaining());
  empty_naps_ = nap > std::chrono::nanoseconds::zero() ? empty_naps_ + 1 : 0;
  if (empty_naps_ != 0) {
    is_napping_ = true;
    {
      const os::NoCancel stays;  // or else `is_napping_` would stay set
      const os::MutexUnlock unlocked(mutex_);
      std::this_thread::sleep_for(nap);
    }
    is_napping_ = false;
    return;
  }

  std::vector<Messenger*> awaited;
  std::vector<Slot*> slots;
  auto time = deadline.remaining();
  const std::int64_t now = os::now_ns();
  for (const auto& slot : slots_) {
    if (const std::int64_t at = next_look(*slot, now); at != Slot::kNever) {
      time = std::min(time, std::chrono::nanoseconds(std::max<std::int64_t>(0, at - now)));
    }
    if (!slot->is_open() || !may_take_from(*slot)) continue;
    awaited.push_back(&slot->messenger());
    slots.push_back(slot.get());
  }
  awaited.push_back(&doorbell_);

  std::optional<std::size_t> woken_by;
  {
    const Asleep asleep(*this);
    const os::MutexUnlock unlocked(mutex_);
    woken_by = wait_for_any(awaited, time);
  }
  // If the messenger that ended the wait has no message, its next receive throws the error.
  if (woken_by && *woken_by < slots.size()) collect_woken(*slots[*woken_by]);
}

/// Ends the sleep of the driver, if it sleeps, so that it takes notice of a change.
void PoolCore::wake_driver() noexcept {
  if (is_asleep_) doorbell_.interrupt();
}

void PoolCore::drive_in_background() {
  const Lock lock(*this);
  Waiter me;
  while (!is_stopped_) {
    try {
      if (is_driving_) {  // another thread has taken over while this one started a worker
        waiters_.push_back(&me);
        mutex_.wait(me.changed);
        std::erase(waiters_, &me);
      } else if (!end_hung() && !start_missing() && !run_deferred()) {
        drive_once(os::Deadline::forever());
      }
    } catch (...) {
      // The waiting threads get the error as the cause of a PoolBrokenError. The pause is there because the same error
      // may occur again at once.
      break_pool(std::current_exception());
      const os::MutexUnlock unlocked(mutex_);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (is_interrupted_.load(std::memory_order_relaxed)) notify_all();  // relaxed: each of them checks the flag itself
  }
  notify_all();
}

}  // namespace coproc::inline v0::detail
