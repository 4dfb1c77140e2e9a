// Who waits, and for what.
#include <algorithm>
#include <cassert>
#include <new>
#include <optional>
#include <span>
#include <thread>

#include "coproc/errors.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "pool/core.hpp"
#include "pool/protocol.hpp"

namespace coproc::inline v0::detail {

namespace {

/// Longer naps would be felt where results are waited for, shorter ones are not worth it.
constexpr std::chrono::nanoseconds kLongestNap = std::chrono::milliseconds(6);
constexpr std::chrono::nanoseconds kShortestNap = std::chrono::microseconds(20);
constexpr int kMostEmptyNaps = 3;
/// How often a worker that has no room for what it is to be given is looked at.
constexpr std::chrono::nanoseconds kLookAtStuckEvery = std::chrono::milliseconds(1);
/// Results of a worker that has more than one call to run may come without a wake-up. They are looked for, ever less
/// often where none come.
constexpr std::chrono::nanoseconds kFirstLookForQuiet(pool::kQuietFor);
constexpr std::chrono::nanoseconds kLastLookForQuiet = std::chrono::milliseconds(50);
constexpr std::chrono::milliseconds kRestAfterError{1};
/// What a task costs its worker besides its own time; measured.
constexpr std::uint64_t kTaskOverhead = 400;  // ns

/// Waits until one of these has news; nullopt: not in this time, or it was interrupted, or none can be waited for.
/// Throws what the wait hook throws.
std::optional<std::size_t> wait_for_any(std::span<Messenger* const> messengers, std::chrono::nanoseconds time) {
  try {
    return coproc::wait_any(messengers, Timeout(time));
  } catch (const InterruptedError&) {
    // The doorbell.
  } catch (const Error&) {
    // Of one of them, which the next round finds; or the system refuses to wait, and then this looks again and again.
    std::this_thread::sleep_for(kRestAfterError);
  } catch (const std::bad_alloc&) {
    std::this_thread::sleep_for(kRestAfterError);
  }
  return std::nullopt;
}

}  // namespace

/// The right to drive, while it lives.
class PoolCore::Turn {
 public:
  explicit Turn(PoolCore& core) COPROC_REQUIRES(core.mutex_) : core_(core) { core_.is_driving_ = true; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { core_.is_driving_ = false; }

 private:
  PoolCore& core_;
};

/// The driver is asleep while it lives, and can be woken by the doorbell.
class PoolCore::Asleep {
 public:
  explicit Asleep(PoolCore& core) COPROC_REQUIRES(core.mutex_) : core_(core) { core_.is_asleep_ = true; }
  Asleep(const Asleep&) = delete;
  Asleep& operator=(const Asleep&) = delete;
  ~Asleep() { core_.is_asleep_ = false; }

 private:
  PoolCore& core_;
};

template <class IsReady>
bool PoolCore::wait_until(const IsReady& is_ready, Timeout timeout, std::span<Job* const> jobs) {
  const os::Deadline deadline(timeout.ns);
  Waiter me;
  // Whoever leaves lets the next one drive.
  struct Listed {
    PoolCore& core;
    Waiter& waiter;
    std::span<Job* const> jobs;
    bool is_listed = false;
    ~Listed() {
      if (is_listed) {
        std::erase(core.waiters_, &waiter);
        for (Job* job : jobs) {
          if (job->reader == &waiter) job->reader = nullptr;
        }
      }
      core.hand_over();
    }
  } listed{*this, me, jobs};

  for (;;) {
    if (is_ready()) return true;
    // relaxed: it says nothing about any other memory
    if (is_interrupted_.load(std::memory_order_relaxed) && is_interrupted_.exchange(false, std::memory_order_relaxed)) {
      throw InterruptedError("the wait for a pool's results was interrupted: nothing was lost");
    }
    if (deadline.passed()) {
      look();
      return is_ready();
    }
    if (!is_driving_) {
      if (start_missing() || bury()) continue;
      const Turn turn(*this);
      step(deadline);
    } else {
      if (!listed.is_listed) {
        waiters_.push_back(&me);
        for (Job* job : jobs) job->reader = &me;
        listed.is_listed = true;
      }
      if (deadline.is_forever()) {
        mutex_.wait(me.changed);
      } else {
        mutex_.wait_for(me.changed, deadline.remaining());
      }
    }
  }
}

/// Takes in what has come, whoever drives: what has ended by now counts.
void PoolCore::look() {
  if (is_ended_ || !is_own_process()) return;
  const auto look_now = [&]() COPROC_REQUIRES(mutex_) {
    look_for_deaths();
    pump();
    // Who only looks and never waits must get on, too; but a look does not wait where others can go on.
    if (!is_driving_ && !queue_.empty()) start_missing();
  };
  if (!is_driving_ || is_napping_) return look_now();
  struct Looker {
    PoolCore& core;
    Waiter me;
    explicit Looker(PoolCore& c) : core(c) {
      core.waiters_.push_back(&me);
      ++core.lookers_;
    }
    ~Looker() {
      --core.lookers_;
      std::erase(core.waiters_, &me);
      core.hand_over();
    }
  } looker(*this);
  const std::uint64_t before = rounds_;
  ring();
  while (is_driving_ && rounds_ == before && !is_stopped_) mutex_.wait(looker.me.changed);
  if (!is_driving_ && rounds_ == before) look_now();
}

/// Destroys what was dropped, and calls what is to be called. Whether there was any: then the lock was let go, and
/// others may have driven.
/// REQUIRES: this thread does not drive, or a destructor that looks at the pool would wait for itself.
bool PoolCore::bury() noexcept {
  if (dropped_.empty() && to_call_ == nullptr) return false;
  const os::NoCancel stays;
  TaskList dropped = std::move(dropped_);
  std::shared_ptr<Job> to_call = std::move(to_call_);
  notify_all();  // somebody else may drive
  const os::MutexUnlock unlocked(mutex_);
  dropped.clear();
  call_all(std::move(to_call));
  return true;
}

/// Lets the next one drive, where nobody does.
void PoolCore::hand_over() noexcept {
  if (!is_driving_ && !waiters_.empty()) waiters_.front()->changed.notify_one();
}

void PoolCore::notify(Job& job) noexcept {
  if (job.reader != nullptr) job.reader->changed.notify_one();
}

void PoolCore::notify_all() noexcept {
  for (Waiter* waiter : waiters_) waiter->changed.notify_one();
}

JobHandle::News PoolCore::wait(Job& job, std::deque<TaskPtr>& into, Timeout timeout) {
  using News = JobHandle::News;
  const Lock lock(*this);
  News news = News::timed_out;
  const auto has_news = [&]() COPROC_REQUIRES(mutex_) {
    if (take_results(job, into)) {
      news = News::results;
    } else if (is_finished(job)) {
      if (job.end_error) std::rethrow_exception(std::exchange(job.end_error, nullptr));
      news = News::finished;
    } else if (is_stopped_) {
      throw TaskCancelledError("the pool was stopped before this map had come to its end");
    } else if (!job.is_input_at_end &&
               job.added - job.read < (is_over_limit(job) ? 1 : 2 * slots_.size() * window_of(job))) {
      news = News::wants_input;
    } else {
      return false;
    }
    return true;
  };
  struct Awaited {
    Job& job;
    ~Awaited() { job.is_awaited = false; }
  } awaited{job};
  job.is_awaited = true;
  if (is_driving_ && is_over_limit(job)) ring();  // what is waited for may begin all the same
  Job* const jobs[] = {&job};
  wait_until(has_news, timeout, jobs);
  return news;
}

bool PoolCore::wait_any(std::span<Job* const> jobs, Timeout timeout) {
  const Lock lock(*this);
  const auto any_has_ended = [&]() COPROC_REQUIRES(mutex_) {
    if (is_stopped_) throw TaskCancelledError("the pool was stopped before this task had ended");
    return std::any_of(jobs.begin(), jobs.end(),
                       [](const Job* job) { return job->has_result() || job->read == job->added; });
  };
  struct Awaited {
    std::span<Job* const> jobs;
    ~Awaited() {
      for (Job* job : jobs) job->is_awaited = false;
    }
  } awaited{jobs};
  for (Job* job : jobs) job->is_awaited = true;
  if (is_driving_) ring();  // what is waited for may begin all the same
  return wait_until(any_has_ended, timeout, jobs);
}

bool PoolCore::wait_for_submitted(Timeout timeout) {
  const Lock lock(*this);
  struct Awaited {
    std::size_t& count;
    ~Awaited() { --count; }
  } awaited{++waits_for_submitted_};
  if (is_driving_) ring();  // as above
  return wait_until([&]() COPROC_REQUIRES(mutex_) { return unfinished_submitted_ == 0; }, timeout, {});
}

/// Takes in what has come and hands out what can be, without waiting. Whether anything was done.
bool PoolCore::pump() noexcept {
  if (!is_own_process()) return false;  // the workers are another process's
  const os::NoCancel stays;             // what is half done would stay so
  bool any = false;
  for (const auto& slot : slots_) any = collect(*slot) || any;
  any = look_for_ends() || any;
  end_overdue();
  any = dispatch() || any;
  check_invariants();
  ++rounds_;
  if (lookers_ != 0) notify_all();
  return any;
}

/// Of debug builds, and only of the jobs whose turn it is: to look at each would take too long where there are many.
void PoolCore::check_invariants() const {
#ifndef NDEBUG
  if (!queue_.empty()) assert(invariant_broken_by(*queue_.front().job).empty());
  for (const auto& slot : slots_) {
    if (!slot->window.empty()) assert(invariant_broken_by(*slot->window.front().job).empty());
  }
#endif
}

void PoolCore::step(const os::Deadline& deadline) {
  if (pump()) {
    empty_naps_ = 0;
  } else if (dropped_.empty() && to_call_ == nullptr) {
    sleep(deadline);
  }
}

/// How long to rest instead of waiting for the next result: where all that are busy have more to do besides, a wake-up
/// for each result costs the host more than it is worth. It is half of the time until the first of them has nothing
/// left, as far as can be told. Zero: not at all.
std::chrono::nanoseconds PoolCore::nap_length() const noexcept {
  auto least = std::chrono::nanoseconds::max();
  const std::int64_t now = os::now_ns();
  for (const auto& slot : slots_) {
    if (slot->window.empty() && slot->phase == Slot::Phase::ready) continue;
    if (slot->window.calls() < 2 || slot->phase == Slot::Phase::ending) return {};
    const Job& job = *slot->window.front().job;
    if (job.function->task_ns == 0) return {};
    const std::uint64_t whole = slot->window.calls() * (job.function->task_ns + kTaskOverhead);
    least = std::min(least, std::chrono::nanoseconds((slot->head_since + static_cast<std::int64_t>(whole) - now) / 2));
  }
  if (least < kShortestNap || least == std::chrono::nanoseconds::max()) return {};
  return std::min(least, kLongestNap);
}

void PoolCore::sleep(const os::Deadline& deadline) {
  // Those that brought nothing are not followed by many more: a nap sees no worker's end.
  const auto nap =
      empty_naps_ == kMostEmptyNaps ? std::chrono::nanoseconds::zero() : std::min(nap_length(), deadline.remaining());
  empty_naps_ = nap > std::chrono::nanoseconds::zero() ? empty_naps_ + 1 : 0;
  if (empty_naps_ != 0) {
    is_napping_ = true;
    {
      const os::NoCancel stays;  // else `is_napping_` would stay set
      const os::MutexUnlock unlocked(mutex_);
      std::this_thread::sleep_for(nap);
    }
    is_napping_ = false;
    return;
  }

  std::vector<Messenger*> awaited;
  std::vector<Slot*> slots;
  auto time = deadline.remaining();
  for (const auto& slot : slots_) {
    if (const std::int64_t due = due_at(*slot); due != Slot::kNever) {
      time = std::min(time, std::chrono::nanoseconds(std::max<std::int64_t>(0, due - os::now_ns())));
    }
    if (slot->stuck_since() != 0) time = std::min(time, kLookAtStuckEvery);
    if (slot->window.calls() > 1) {
      const std::chrono::nanoseconds since(os::now_ns() - slot->found_at);
      time = std::min(time, std::clamp(since, kFirstLookForQuiet, kLastLookForQuiet));
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
  // A messenger that has woken this and has no result has something to throw.
  if (woken_by && *woken_by < slots.size()) look_at_woken(*slots[*woken_by]);
}

/// Wakes the driver, for there is something new.
void PoolCore::ring() noexcept {
  if (is_asleep_) doorbell_.interrupt();
}

void PoolCore::interrupt() noexcept {
  is_interrupted_.store(true, std::memory_order_relaxed);  // relaxed: the interrupt below orders it
  doorbell_.interrupt();
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
      } else if (!start_missing() && !bury()) {
        const Turn turn(*this);
        step(os::Deadline::forever());
      }
    } catch (...) {
      // Whoever waits is to be told; and what has gone wrong may go wrong again at once.
      give_up(std::current_exception());
      const os::MutexUnlock unlocked(mutex_);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (is_interrupted_.load(std::memory_order_relaxed)) notify_all();  // relaxed: they look themselves
  }
  notify_all();
}

}  // namespace coproc::inline v0::detail
