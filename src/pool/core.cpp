#include "pool/core.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "coproc/errors.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/refused.hpp"
#include "remote/trunk.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::detail {

namespace {

constexpr std::size_t kSlowestKept = 10;

PriorityMessenger make_doorbell() {
  return name_refusals("no new pool", [] {
    return MessengerAccess::make<PriorityMessenger>(
        std::make_unique<Core>(link::make_end_without_peer(), CoreOptions()));
  });
}

/// The workers of a machine share a trunk, which lives as long as the pool.
MakePoolWorker with_trunks(MakePoolWorker make, std::size_t machines) {
  if (machines == 0) return make;
  std::vector<std::shared_ptr<remote::Trunk>> trunks;
  for (std::size_t i = 0; i < machines; ++i) trunks.push_back(std::make_shared<remote::Trunk>());
  return [make = std::move(make), trunks = std::move(trunks)](std::size_t place) {
    auto worker = make(place);
    WorkerAccess::set_trunk(worker->worker(), trunks[place % trunks.size()]);
    return worker;
  };
}

}  // namespace

PoolCore::PoolCore(PoolOptions options, MakePoolWorker make_worker)
    : options_(std::move(options)),
      make_worker_(with_trunks(std::move(make_worker), options_.machines.size())),
      watches_(supervise::Health(options_.health).has_limits()),
      owner_(os::fork_generation()),
      doorbell_(make_doorbell()),
      restarts_(options_.restart) {
  slowest_.reserve(kSlowestKept + 1);
  for (std::size_t i = 0; i < options_.workers; ++i) {
    slots_.push_back(std::make_unique<Slot>(i, make_worker_(i), options_));
    if (const Machine* const machine = machine_of(i)) slots_.back()->insights.machine = machine->name();
  }
  try {
    start_all(slots_);
    if (options_.background) driver_ = std::thread([this] { drive_in_background(); });
    entry_.enter(options_.worker.name);
  } catch (...) {
    stop(options_.worker.stop);  // all workers that were started, at once
    throw;
  }
}

PoolCore::~PoolCore() {
  try {
    stop(options_.worker.stop);
  } catch (...) {
    // The destructor of each worker stops those that are still alive.
  }
  entry_.leave([this](census::PoolTotals& totals) { totals += read().totals; });
}

void PoolCore::check_owner() const {
  if (!is_own_process()) {
    throw NotOwnerError("this pool belongs to the process that this one was forked from: make another one here");
  }
}

// ---- jobs ----

std::shared_ptr<PoolFunction> PoolCore::new_function(const TaskCode& code, std::string data) {
  const Lock lock(*this);
  return std::make_shared<PoolFunction>(next_function_++, code, std::move(data), is_function_destroyed_);
}

/// Returns the function with this code. It is kept as long as the pool, since a program has a bounded number of them.
std::shared_ptr<PoolFunction> PoolCore::function_of(const TaskCode& code) {
  const std::pair key(code.run, code.function);
  {
    const Lock lock(*this);
    if (const auto at = functions_.find(key); at != functions_.end()) return at->second;
  }
  auto made = new_function(code, {});
  const Lock lock(*this);
  return functions_.try_emplace(key, std::move(made)).first->second;
}

std::shared_ptr<Job> PoolCore::new_job(std::shared_ptr<PoolFunction> function, TaskOptions&& options,
                                       const JobShape& shape) {
  if (options.time_limit.ns <= std::chrono::nanoseconds::zero()) {
    throw InvalidArgumentError("TaskOptions::time_limit: a task that may take no time cannot be run");
  }
  const Lock lock(*this);
  if (is_stopped_) throw TaskCancelledError("this pool was stopped: nothing can be run by it any more");
  return std::make_shared<Job>(std::move(function), std::move(options), shape);
}

JobHandle::Wanted PoolCore::wanted(const Job& job) {
  const Lock lock(*this);
  if (job.is_input_at_end) return {0, 1};
  // Enough to keep all windows full while a slow worker or a slow reader holds the others up.
  const std::size_t most = is_over_limit(job) ? 1 : 4 * slots_.size() * window_of(job);
  const std::size_t outstanding = job.added - job.read;
  return {outstanding >= most ? 0 : most - outstanding, stretch_of(job)};
}

void PoolCore::add(const std::shared_ptr<Job>& job, std::vector<TaskPtr>& tasks) {
  const Lock lock(*this);
  if (is_stopped_) throw TaskCancelledError("this pool was stopped: nothing can be run by it any more");
  std::uint64_t calls = 0;
  for (const TaskPtr& task : tasks) calls += task->calls;
  if (job->shape.is_ordered && !job->is_stopped()) job->places.resize(job->added + calls - job->next);
  // Nothing can fail from here on.
  for (TaskPtr& task : tasks) {
    task->job = job;
    task->index = job->shape.is_submitted ? submitted_++ : job->added;
    job->added += task->calls;
    queue_.push_back(std::move(task));
  }
  if (job->shape.is_submitted) unfinished_submitted_ += calls;
  is_broken_ = false;
  if (!is_driving_) {
    pump();
  } else {
    wake_driver();
  }
}

void PoolCore::end_input(Job& job, std::exception_ptr error) {
  const Lock lock(*this);
  job.is_input_at_end = true;
  if (!job.end_error) job.end_error = std::move(error);
}

bool PoolCore::take_results(Job& job, std::deque<TaskPtr>& into) {
  bool any = false;
  while (job.has_result()) {
    into.emplace_back();  // first, so that nothing is lost if this throws
    if (job.shape.is_ordered) {
      into.back() = std::move(job.places.front());
      const auto end = job.places.begin() + static_cast<std::ptrdiff_t>(into.back()->calls);
      job.places.erase(job.places.begin(), end);
      job.next += into.back()->calls;
    } else {
      into.back() = job.done.pop_front();
    }
    release(job, *into.back());
    job.read += into.back()->calls;
    any = true;
  }
  return any;
}

bool PoolCore::is_finished(const Job& job) const noexcept {
  if (job.is_failed) return true;
  if (job.is_stopped()) return job.shape.is_ordered ? job.next > job.stopped_at : job.done.empty();
  return job.is_input_at_end && job.read == job.added;
}

void PoolCore::tend() {
  const Lock lock(*this);
  if ((!is_driving_ || is_napping_) && !is_stopped_) pump();
}

bool PoolCore::is_done(const Job& job) {
  const Lock lock(*this);
  if (!job.has_result()) poll();
  return job.has_result();
}

void PoolCore::note_submitted_end(const std::shared_ptr<Job>& job) noexcept {
  if (--unfinished_submitted_ == 0) notify_all();
  if (job->then == nullptr) return;
  job->next_to_call = std::move(to_call_);
  to_call_ = job;
}

void PoolCore::then(const std::shared_ptr<Job>& job, std::function<void()> function) {
  const Lock lock(*this);
  job->then = std::move(function);
  if (job->added == 0 || job->finished != job->added) {
    if (is_driving_ && is_over_limit(*job)) wake_driver();  // an awaited task may begin beyond the limit
    return;
  }
  job->next_to_call = std::move(to_call_);
  to_call_ = job;
}

/// Moves an ended task to its job: to the unread results, or to the dropped tasks. Allocates nothing, so that no task
/// is lost when memory is scarce. `slot` is the slot whose worker ran the task, or null.
void PoolCore::finish(Slot* slot, TaskPtr task) noexcept {
  // The job will hold the task, so the task must not own the job.
  const std::shared_ptr<Job> keep = std::move(task->job);
  Job& job = *keep;
  job.finished += task->calls;
  if (job.shape.is_submitted) note_submitted_end(keep);
  const bool failed = task->error != nullptr;
  if (slot != nullptr) {
    slot->insights.tasks += task->calls;
    if (failed) slot->insights.failed += task->calls;
  }
  if (task->is_cancelled() || job.is_abandoned || job.drops(*task)) {
    if (!task->is_cancelled()) job.read += task->calls;
    notify(job);
    task->job = keep;  // this may be the last reference, and the job must be destroyed without the mutex, too
    return drop(std::move(task));
  }
  if (failed && job.options.stop_on_error && !job.shape.is_submitted &&
      (!job.is_stopped() || task->index < job.stopped_at)) {
    job.stopped_at = task->index;
    job.is_input_at_end = true;
    drop_unfinished(job);
  }
  hold(job, *task);
  if (job.shape.is_ordered) {
    job.places[task->index - job.next] = std::move(task);
  } else {
    job.done.push_back(std::move(task));
  }
  notify(job);
}

void PoolCore::drop_results(Job& job) noexcept {
  for (TaskPtr& task : job.places) {
    if (task == nullptr) continue;
    release(job, *task);
    drop(std::move(task));
  }
  for (Task& task : job.done) release(job, task);
  drop(std::move(job.done));
  job.places.clear();
}

/// Drops the tasks of this job whose results nobody will read: takes them out of the queue, and tells the workers to
/// skip them.
void PoolCore::drop_unfinished(Job& job) noexcept {
  TaskList dropped = queue_.take_if([&](const Task& task) { return task.job.get() == &job && job.drops(task); });
  job.finished += dropped.calls();
  job.read += dropped.calls();
  drop(std::move(dropped));
  if (job.shape.is_ordered && job.is_stopped()) {
    while (!job.places.empty() && job.next + job.places.size() > job.stopped_at + 1) {
      if (job.places.back() != nullptr) {
        release(job, *job.places.back());
        drop(std::move(job.places.back()));
      }
      job.places.pop_back();
    }
  }
  for (const auto& slot : slots_) {
    bool is_first = true;  // the first task of a window has a running call
    for (Task& task : slot->window) {
      const bool is_all_running = std::exchange(is_first, false) && task.calls == 1;
      if (is_all_running || task.job.get() != &job || task.is_skip_requested || !job.drops(task)) continue;
      slot->skip(task);
    }
  }
  if (!is_driving_) send_skips();
}

void PoolCore::abandon(Job& job) noexcept {
  if (!is_own_process()) return;  // see Lock
  const Lock lock(*this);
  job.is_abandoned = true;
  drop_results(job);
  if (job.shape.is_submitted) return;
  drop_unfinished(job);
  if (is_driving_) wake_driver();
}

bool PoolCore::cancel(Job& job, bool even_if_running) {
  const Lock lock(*this);
  if (job.finished == job.added || job.has_result()) return false;
  TaskPtr answer = std::make_unique<EndedCalls>();
  std::shared_ptr<Job> keep;
  const auto prepare = [&](const Task& task) {
    answer->index = task.index;
    answer->error =
        std::make_exception_ptr(TaskCancelledError("task " + std::to_string(task.index) + " was cancelled"));
  };
  const auto is_of_job = [&](const Task& task) { return task.job.get() == &job; };
  if (const auto at = std::find_if(queue_.begin(), queue_.end(), is_of_job); at != queue_.end()) {
    prepare(*at);
    keep = (*at).job;
    drop(queue_.take_if(is_of_job));
    ++job.finished;
    note_submitted_end(keep);
    job.done.push_back(std::move(answer));
    notify(job);
    return true;
  }
  for (const auto& slot : slots_) {
    const auto at = std::find_if(slot->window.begin(), slot->window.end(), is_of_job);
    if (at == slot->window.end()) continue;
    Task& task = *at;
    if (at == slot->window.begin() && !even_if_running) return false;
    prepare(task);
    task.cancelled_at = os::now_ns();
    if (at == slot->window.begin()) {
      slot->end_task(task.serial);  // the driver takes in the end of the worker
    } else {
      slot->skip(task);
      if (!is_driving_) send_skips();
    }
    job.done.push_back(std::move(answer));
    notify(job);
    if (is_driving_) wake_driver();
    return true;
  }
  return false;
}

}  // namespace coproc::inline v0::detail
