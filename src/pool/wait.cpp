// Waiting for the results of jobs: the waiting thread drives, or sleeps while another one does.
#include <algorithm>
#include <deque>
#include <exception>
#include <span>
#include <utility>

#include "coproc/errors.hpp"
#include "os/clock.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

template <class IsReady>
bool PoolCore::wait_until(const IsReady& is_ready, Timeout timeout, std::span<Job* const> jobs) {
  const os::Deadline deadline(timeout.ns);
  Waiter me;
  // A thread that leaves lets the next one drive.
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
      core.wake_next_driver();
    }
  } listed{*this, me, jobs};

  for (;;) {
    // First, since a program may wait again and again until such a function has done something.
    if (EndCalls::are_left() && run_deferred()) continue;
    if (is_ready()) return true;
    // relaxed: it says nothing about any other memory
    if (is_interrupted_.load(std::memory_order_relaxed) && is_interrupted_.exchange(false, std::memory_order_relaxed)) {
      throw InterruptedError("the wait for a pool's results was interrupted: nothing was lost");
    }
    if (deadline.passed()) {
      poll();
      return is_ready();
    }
    if (!is_driving_) {
      if (end_hung() || start_missing() || run_deferred()) continue;
      drive_once(deadline);
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

/// Takes in all results and ends that have arrived by now, whichever thread drives. Does not wait for results.
void PoolCore::poll() {
  if (is_ended_ || !is_own_process()) return;
  const auto poll_now = [&]() COPROC_REQUIRES(mutex_) {
    take_deaths();
    pump();
    // A program that polls and never waits needs new workers, too. If another thread drives, that thread starts them.
    if (!is_driving_) (void)end_hung();
    if (!is_driving_ && !queue_.empty()) start_missing_without_waiting();
  };
  if (!is_driving_ || is_napping_) return poll_now();
  struct Poller {
    PoolCore& core;
    Waiter me;
    explicit Poller(PoolCore& c) : core(c) {
      core.waiters_.push_back(&me);
      ++core.pollers_;
    }
    ~Poller() {
      --core.pollers_;
      std::erase(core.waiters_, &me);
      core.wake_next_driver();
    }
  } poller(*this);
  const std::uint64_t before = rounds_;
  wake_driver();
  while (is_driving_ && rounds_ == before && !is_stopped_) mutex_.wait(poller.me.changed);
  if (!is_driving_ && rounds_ == before) poll_now();
}

/// Wakes one waiting thread if none drives.
void PoolCore::wake_next_driver() noexcept {
  if (!is_driving_ && !waiters_.empty()) waiters_.front()->changed.notify_one();
}

void PoolCore::notify(Job& job) noexcept {
  if (event_loop_ != nullptr) event_loop_->has_news = true;
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
  if (is_driving_ && is_over_limit(job)) wake_driver();  // an awaited task may begin beyond the limit
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
  if (is_driving_) wake_driver();  // an awaited task may begin beyond the limit
  return wait_until(any_has_ended, timeout, jobs);
}

bool PoolCore::wait_for_submitted(Timeout timeout) {
  const Lock lock(*this);
  struct Awaited {
    std::size_t& count;
    ~Awaited() { --count; }
  } awaited{++waits_for_submitted_};
  if (is_driving_) wake_driver();  // as in wait_any()
  return wait_until([&]() COPROC_REQUIRES(mutex_) { return unfinished_submitted_ == 0; }, timeout, {});
}

void PoolCore::interrupt() noexcept {
  is_interrupted_.store(true, std::memory_order_relaxed);  // relaxed: the interrupt below orders it
  doorbell_.interrupt();
}

}  // namespace coproc::inline v0::detail
