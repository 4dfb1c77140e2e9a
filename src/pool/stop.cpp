// How a pool gives up, and how it is stopped.
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "os/cancel.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

/// What waits, in the queue or in a window, will not be run.
void PoolCore::fail_waiting(const std::exception_ptr& error) noexcept {
  TaskList failed = std::move(queue_);
  for (const auto& slot : slots_) failed.append(std::move(slot->window));
  while (!failed.empty()) {
    TaskPtr task = failed.pop_front();
    Job& job = *task->job;
    if (job.shape.is_submitted) {
      task->error = error;
    } else {
      // One error for all of a map, behind what has ended.
      if (!job.end_error) job.end_error = error;
      job.is_input_at_end = true;
      job.is_failed = true;
    }
    finish(nullptr, std::move(task));
  }
}

void PoolCore::give_up(const std::exception_ptr& cause) noexcept {
  has_given_up_ = true;
  failures_ = 0;
  try {
    std::string why = "it is not known why";
    try {
      if (cause) std::rethrow_exception(cause);
    } catch (const std::exception& error) {
      why = detail::in_lines(error.what(), "    ");
    } catch (...) {
      why = "an exception that is no std::exception";
    }
    fail_waiting(std::make_exception_ptr(PoolBrokenError(
        "the pool gives up: again and again its workers ended before they could run anything. The last one: " + why,
        cause)));
  } catch (...) {
    fail_waiting(std::current_exception());
  }
  for (const auto& slot : slots_) slot->retry_at = 0;
}

void PoolCore::stop(const StopOptions& options) {
  if (!is_own_process()) return;
  const os::NoCancel stays;  // also where a destructor calls it
  const Lock lock(*this);
  if (is_ended_) return;
  is_stopped_ = true;
  notify_all();  // the thread behind it may wait for its turn
  while (is_driving_ || is_launching_) {
    ring();
    Waiter me;
    waiters_.push_back(&me);
    mutex_.wait(me.changed);
    std::erase(waiters_, &me);
  }
  is_driving_ = true;
  std::exception_ptr error;
  try {
    stop_workers(options);
  } catch (...) {
    error = std::current_exception();
  }
  is_driving_ = false;
  is_ended_ = error == nullptr;
  notify_all();
  if (error) std::rethrow_exception(error);
}

/// Each rung is taken once, by all of them together. They are nobody else's meanwhile: this drives.
void PoolCore::stop_workers(const StopOptions& options) {
  std::vector<Worker*> busy, all;
  for (const auto& slot : slots_) {
    if (!slot->has_process()) continue;
    all.push_back(&slot->worker());
    if (!slot->window.empty()) busy.push_back(&slot->worker());
  }
  fail_waiting(std::make_exception_ptr(TaskCancelledError("the pool was stopped before this task had ended")));
  {
    const os::MutexUnlock unlocked(mutex_);
    if (driver_.joinable()) driver_.join();
    for (Worker* worker : busy) worker->terminate();  // it would look at a close request only behind its task
    Worker::stop_all(all, options);
  }
  for (const auto& slot : slots_) {
    if (!slot->has_process()) continue;
    const auto status = slot->worker().exit_status();
    slot->note_end(status ? *status : ExitStatus());
  }
}

}  // namespace coproc::inline v0::detail
