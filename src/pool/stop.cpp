// The end of a pool: when it breaks because its workers cannot start, and when it is stopped.
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "os/cancel.hpp"
#include "pool/talk.hpp"
#include "remote/trunk.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::detail {

namespace {

/// Of workers that have ended.
void end_trunks(const std::vector<remote::Trunk*>& trunks) {
  for (remote::Trunk* const trunk : trunks) trunk->let_go();  // all together
  for (remote::Trunk* const trunk : trunks) trunk->close();
}

}  // namespace

/// Lets all tasks in the queue and in the windows fail with this error.
void PoolCore::fail_waiting(const std::exception_ptr& error) noexcept {
  TaskList failed = std::move(queue_);
  for (const auto& slot : slots_) failed.append(std::move(slot->window));
  fail_all(std::move(failed), error);
}

void PoolCore::fail_all(TaskList failed, const std::exception_ptr& error) noexcept {
  while (!failed.empty()) {
    TaskPtr task = failed.pop_front();
    Job& job = *task->job;
    if (job.shape.is_submitted) {
      task->error = error;
    } else {
      // A map fails as a whole: its reader gets the error once, behind the results that have arrived.
      if (!job.end_error) job.end_error = error;
      job.is_input_at_end = true;
      job.is_failed = true;
    }
    finish(nullptr, std::move(task));
  }
}

/// No worker is started before there is another task.
void PoolCore::note_broken() noexcept {
  is_broken_ = true;
  failures_ = 0;
  for (const auto& slot : slots_) slot->retry_at = 0;
}

/// Lets all waiting tasks fail with PoolBrokenError.
void PoolCore::break_pool(const std::exception_ptr& cause) noexcept {
  note_broken();
  try {
    fail_waiting(std::make_exception_ptr(PoolBrokenError(
        "the pool gives up: again and again its workers ended before they could run anything. The last one: " +
            text_of(cause),
        cause)));
  } catch (...) {
    fail_waiting(std::current_exception());
  }
}

void PoolCore::stop(const StopOptions& options) {
  if (!is_own_process()) return;
  const os::NoCancel stays;  // a destructor calls it, too
  const Lock lock(*this);
  if (is_ended_) return;
  is_stopped_ = true;
  notify_all();  // the thread of PoolOptions::background may be waiting for its turn
  while (is_driving_ || is_launching_ || ending_hung_ != 0) {
    wake_driver();
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

/// Stops all workers together, so that each rung of the stop ladder takes its time only once. This thread counts as the
/// driver, so that no other one uses the workers while the mutex is unlocked.
void PoolCore::stop_workers(const StopOptions& options) {
  std::vector<Worker*> busy, all;
  std::vector<remote::Trunk*> trunks;
  for (const auto& slot : slots_) {
    if (remote::Trunk* const trunk = WorkerAccess::trunk_of(slot->worker())) trunks.push_back(trunk);
    if (!slot->has_process()) continue;
    all.push_back(&slot->worker());
    if (!slot->window.empty()) busy.push_back(&slot->worker());
  }
  fail_waiting(std::make_exception_ptr(TaskCancelledError("the pool was stopped before this task had ended")));
  Slot* const asked = std::exchange(asked_, nullptr);
  {
    const os::MutexUnlock unlocked(mutex_);
    if (driver_.joinable()) driver_.join();
    for (Worker* worker : busy) worker->terminate();  // a busy worker would read a close request only after its task
    Worker::stop_all(all, options);
    if (asked != nullptr) asked->worker().cancel_start();
    end_trunks(trunks);
  }
  if (asked != nullptr) asked->note_not_started();
  for (const auto& slot : slots_) {
    if (!slot->has_process()) continue;
    const auto status = slot->worker().exit_status();
    slot->note_end(status ? *status : ExitStatus());
  }
}

}  // namespace coproc::inline v0::detail
