#include "pool/core.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "coproc/errors.hpp"
#include "os/cancel.hpp"
#include "os/fork_guard.hpp"
#include "os/process_memory.hpp"

namespace coproc::inline v0::detail {

namespace {

/// Stands for a task whose result nobody waits for any more.
class Nothing final : public Task {
 public:
  void encode(Encoder&) const override {}
};

}  // namespace

PoolCore::PoolCore(PoolOptions options, const pool::MakePoolWorker& make_worker)
    : options_(std::move(options)),
      owner_(os::fork_generation()),
      doorbell_(PriorityMessenger::new_pair({.ring_bytes = 4096})) {
  for (std::size_t i = 0; i < options_.workers; ++i) slots_.push_back(std::make_unique<Slot>(make_worker(i)));
  for (const auto& slot : slots_) slot->start();
  if (!options_.background) return;
  is_driving_ = true;  // from now on, and for good: the thread's
  driver_ = std::thread([this] { drive_in_background(); });
}

PoolCore::~PoolCore() { stop(); }

void PoolCore::check_owner() const {
  if (os::fork_generation() != owner_) {
    throw NotOwnerError("this pool belongs to the process that this one was forked from: make one here");
  }
}

// ---- jobs ----

std::shared_ptr<Job> PoolCore::new_job(const TaskCode& code, TaskOptions&& options, const JobShape& shape) {
  check_owner();
  if (options.time_limit.ns <= std::chrono::nanoseconds::zero()) {
    throw InvalidArgumentError("TaskOptions::time_limit: a task that may take no time cannot be run");
  }
  const Lock lock(mutex_);
  if (is_stopped_) throw TaskCancelledError("this pool was stopped: nothing can be run by it any more");
  auto& function = functions_[{code.run, code.function}];
  if (!function) {
    const auto number = static_cast<std::uint32_t>(functions_.size() - 1);
    function = std::make_unique<PoolFunction>(PoolFunction{number, code});
  }
  return std::make_shared<Job>(*function, std::move(options), shape);
}

std::size_t PoolCore::wanted(const Job& job) {
  const Lock lock(mutex_);
  if (job.is_input_at_end) return 0;
  // So far ahead that all windows stay full while a slow one, or a slow reader, is waited for.
  const std::size_t most = 4 * slots_.size() * window_of(job);
  const std::size_t outstanding = job.added - job.read;
  return outstanding >= most ? 0 : most - outstanding;
}

void PoolCore::add(const std::shared_ptr<Job>& job, std::vector<TaskPtr>& tasks) {
  check_owner();
  const Lock lock(mutex_);
  if (is_stopped_) throw TaskCancelledError("this pool was stopped: nothing can be run by it any more");
  for (TaskPtr& task : tasks) {
    task->job = job;
    task->index = job->shape.is_submitted ? submitted_++ : job->added;
    ++job->added;
    queue_.push_back(std::move(task));
  }
  if (job->shape.is_submitted) unfinished_submitted_ += tasks.size();
  has_given_up_ = false;
  if (!is_driving_) {
    pump();
  } else {
    ring();
  }
}

void PoolCore::end_input(Job& job, std::exception_ptr error) {
  const Lock lock(mutex_);
  job.is_input_at_end = true;
  if (!job.end_error) job.end_error = std::move(error);
}

bool PoolCore::take_results(Job& job, std::deque<TaskPtr>& into) {
  bool any = false;
  while (!job.done.empty() && job.done.front() != nullptr) {
    into.push_back(std::move(job.done.front()));
    job.done.pop_front();
    ++job.read;
    ++job.next;
    any = true;
  }
  return any;
}

bool PoolCore::is_finished(const Job& job) const noexcept {
  if (job.is_failed) return true;
  if (job.is_stopped() && job.done.empty()) return job.next > job.stopped_at || !job.shape.is_ordered;
  return job.is_input_at_end && job.read == job.added;
}

void PoolCore::tend() {
  const Lock lock(mutex_);
  if (!is_driving_ && !is_stopped_) pump();
}

bool PoolCore::is_done(const Job& job) {
  const Lock lock(mutex_);
  return !job.done.empty() && job.done.front() != nullptr;
}

void PoolCore::finish(Slot* slot, TaskPtr task) {
  const std::shared_ptr<Job> keep = std::move(task->job);  // which may hold the task from here on
  Job& job = *keep;
  ++job.finished;
  if (job.shape.is_submitted && --unfinished_submitted_ == 0) notify_all();
  const bool failed = task->error != nullptr;
  if (slot != nullptr) {
    ++slot->insights.tasks;
    if (failed) ++slot->insights.failed;
  }
  if (task->is_cancelled() || job.drops(*task)) {
    if (!task->is_cancelled()) ++job.read;
    return notify(job);
  }
  if (failed && job.options.stop_on_error && !job.shape.is_submitted &&
      (!job.is_stopped() || task->index < job.stopped_at)) {
    job.stopped_at = task->index;
    job.is_input_at_end = true;
    drop_unfinished(job);
  }
  if (!job.shape.is_ordered) {
    job.done.push_back(std::move(task));
  } else {
    const std::size_t place = task->index - job.next;
    if (job.done.size() <= place) job.done.resize(place + 1);
    job.done[place] = std::move(task);
  }
  notify(job);
}

/// Takes what nobody will read out of the queue, and tells the workers not to begin it.
void PoolCore::drop_unfinished(Job& job) noexcept {
  const std::size_t before = queue_.size();
  std::erase_if(queue_, [&](const TaskPtr& task) { return task->job.get() == &job && job.drops(*task); });
  const std::size_t dropped = before - queue_.size();
  job.finished += dropped;
  job.read += dropped;
  if (job.shape.is_ordered && job.is_stopped() && !job.is_abandoned) {
    while (!job.done.empty() && job.next + job.done.size() > job.stopped_at + 1) job.done.pop_back();
  }
  for (const auto& slot : slots_) {
    for (std::size_t i = 1; i < slot->window.size(); ++i) {  // the first one runs
      Task& task = *slot->window[i];
      if (task.job.get() != &job || task.is_told_to_skip || !job.drops(task)) continue;
      task.is_told_to_skip = true;
      slot->skip(task.serial);
    }
  }
  if (!is_driving_) send_skips();
}

void PoolCore::leave(Job& job) noexcept {
  if (job.shape.is_submitted) return;
  const Lock lock(mutex_);
  job.is_abandoned = true;
  job.done.clear();
  drop_unfinished(job);
  if (is_driving_) ring();
}

bool PoolCore::cancel(Job& job) {
  check_owner();
  const Lock lock(mutex_);
  if (job.finished == job.added || !job.done.empty()) return false;
  auto answer = std::make_unique<Nothing>();
  const auto end = [&](const Task& task) {
    answer->index = task.index;
    answer->error =
        std::make_exception_ptr(TaskCancelledError("task " + std::to_string(task.index) + " was cancelled"));
    job.done.push_back(std::move(answer));
    notify(job);
    return true;
  };
  const auto is_of_job = [&](const TaskPtr& task) { return task->job.get() == &job; };
  if (const auto at = std::find_if(queue_.begin(), queue_.end(), is_of_job); at != queue_.end()) {
    const TaskPtr task = std::move(*at);
    queue_.erase(at);
    end(*task);
    ++job.finished;
    if (--unfinished_submitted_ == 0) notify_all();
    return true;
  }
  for (const auto& slot : slots_) {
    const auto at = std::find_if(slot->window.begin(), slot->window.end(), is_of_job);
    if (at == slot->window.end()) continue;
    Task& task = **at;
    task.cancelled_at = os::now_ns();
    if (at == slot->window.begin()) {
      slot->end_task(task.serial);  // whoever drives sees its end
    } else {
      task.is_told_to_skip = true;
      slot->skip(task.serial);
      if (!is_driving_) send_skips();
    }
    end(task);
    if (is_driving_) ring();
    return true;
  }
  return false;
}

// ---- the end of things ----

/// What waits, in the queue or in a window, will not be run.
void PoolCore::fail_waiting(const std::function<std::exception_ptr()>& error) {
  std::vector<TaskPtr> failed;
  for (TaskPtr& task : queue_) failed.push_back(std::move(task));
  queue_.clear();
  for (const auto& slot : slots_) {
    for (TaskPtr& task : slot->window) failed.push_back(std::move(task));
    slot->window.clear();
  }
  for (TaskPtr& task : failed) {
    Job& job = *task->job;
    if (job.shape.is_submitted) {
      task->error = error();
    } else {
      // One error for all of a map, behind what has ended.
      if (!job.end_error) job.end_error = error();
      job.is_input_at_end = true;
      job.is_failed = true;
    }
    finish(nullptr, std::move(task));
  }
}

void PoolCore::give_up(const std::exception_ptr& cause) {
  std::string why = "it is not known why";
  try {
    if (cause) std::rethrow_exception(cause);
  } catch (const std::exception& error) {
    why = detail::in_lines(error.what(), "    ");
  } catch (...) {
    why = "an exception that is no std::exception";
  }
  has_given_up_ = true;
  failures_ = 0;
  fail_waiting([&] {
    return std::make_exception_ptr(PoolBrokenError(
        "the pool gives up: again and again its workers ended before they could run anything. The last one: " + why,
        cause));
  });
  for (const auto& slot : slots_) slot->retry_at = 0;
}

void PoolCore::stop() {
  if (os::fork_generation() != owner_) return;
  const os::NoCancel stays;  // also where a destructor calls it
  Lock lock(mutex_);
  is_stopped_ = true;
  while (is_driving_) {
    ring();
    Waiter me;
    waiters_.push_back(&me);
    me.changed.wait(lock);
    std::erase(waiters_, &me);
  }
  is_driving_ = true;
  if (driver_.joinable()) {
    lock.unlock();
    driver_.join();
    lock.lock();
  }
  std::vector<Worker*> workers;
  for (const auto& slot : slots_) {
    if (slot->phase == Slot::Phase::empty) continue;
    if (!slot->window.empty()) slot->worker().terminate();  // it would look at a close request only behind its task
    workers.push_back(&slot->worker());
  }
  fail_waiting(
      [] { return std::make_exception_ptr(TaskCancelledError("the pool was stopped before this task had ended")); });
  Worker::stop_all(workers, options_.worker.stop);
  for (const auto& slot : slots_) {
    if (slot->phase == Slot::Phase::empty) continue;
    if (const auto status = slot->worker().exit_status()) slot->note_end(*status);
  }
  is_driving_ = false;
  notify_all();
}

// ---- looking ----

std::size_t PoolCore::pending() {
  const Lock lock(mutex_);
  std::size_t count = queue_.size();
  for (const auto& slot : slots_) {
    for (const TaskPtr& task : slot->window) count += !task->is_cancelled() && !task->job->drops(*task) ? 1U : 0U;
  }
  return count;
}

std::vector<int> PoolCore::pids() {
  const Lock lock(mutex_);
  std::vector<int> all;
  for (const auto& slot : slots_) {
    if (slot->phase != Slot::Phase::empty) all.push_back(slot->insights.pid);
  }
  return all;
}

PoolInsights PoolCore::insights() {
  const Lock lock(mutex_);
  PoolInsights all;
  for (const auto& slot : slots_) {
    WorkerInsights one = slot->insights;
    if (all.start_note.empty()) all.start_note = slot->worker().start_note();
    if (slot->phase == Slot::Phase::ready || slot->phase == Slot::Phase::closing) {
      one.wait_time += std::chrono::nanoseconds(os::now_ns() - slot->ready_since);
    }
    if (slot->phase != Slot::Phase::empty) {
      one.peak_memory_bytes = std::max(one.peak_memory_bytes, os::memory_of(one.pid).peak);
    }
    one.wait_time -= std::min(one.wait_time, one.work_time);  // until here it was all the time that it was ready
    all.workers.push_back(one);
  }
  all.slowest = slowest_;
  return all;
}

}  // namespace coproc::inline v0::detail
