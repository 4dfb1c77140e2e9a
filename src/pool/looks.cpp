// Calls that report the state of a pool: the number of pending tasks, the processes, the insights, and the invariants.
#include <algorithm>
#include <string>

#include "os/clock.hpp"
#include "pool/core.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::detail {

std::size_t PoolCore::pending() {
  const Lock lock(*this);
  const auto count = [&]() COPROC_REQUIRES(mutex_) {
    const auto counts = [](const Task& task) { return !task.is_cancelled() && !task.job->drops(task); };
    std::size_t unfinished = queue_.calls();
    for (const auto& slot : slots_) {
      for (const Task& task : slot->window) unfinished += counts(task) ? task.calls : 0;
    }
    return unfinished;
  };
  if (count() != 0) poll();
  return count();
}

std::vector<int> PoolCore::pids() {
  const Lock lock(*this);
  std::vector<int> all;
  for (const auto& slot : slots_) {
    if (slot->has_process()) all.push_back(slot->insights.pid);
  }
  return all;
}

PoolInsights PoolCore::insights() {
  const Lock lock(*this);
  PoolInsights all;
  for (const auto& slot : slots_) {
    WorkerInsights one = slot->insights;
    if (all.start_note.empty()) all.start_note = slot->worker().start_note();
    if (slot->ready_since != 0) one.wait_time += std::chrono::nanoseconds(os::now_ns() - slot->ready_since);
    if (slot->has_process()) {
      one.peak_memory_bytes = std::max(one.peak_memory_bytes, WorkerAccess::memory_of(slot->worker()).peak);
    }
    // A slot counts all the time for which its worker was ready.
    one.wait_time -= std::min(one.wait_time, one.work_time);
    all.workers.push_back(one);
  }
  all.slowest = slowest_;
  return all;
}

std::string PoolCore::broken_invariant(const Job& job) {
  const Lock lock(*this);
  return invariant_broken_by(job);
}

std::string PoolCore::invariant_broken_by(const Job& job) const {
  const auto is_of_job = [&](const Task& task) { return task.job.get() == &job; };
  const auto count = [&](const TaskList& tasks) {
    std::uint64_t calls = 0;
    for (const Task& task : tasks) calls += is_of_job(task) ? task.calls : 0;
    return calls;
  };
  const std::uint64_t queued = count(queue_);
  std::uint64_t sent = 0;
  for (const auto& slot : slots_) sent += count(slot->window);
  if (job.added == job.finished + queued + sent) return {};
  return std::to_string(job.added) + " tasks were added, of which " + std::to_string(job.finished) + " are finished, " +
         std::to_string(queued) + " queued and " + std::to_string(sent) + " with workers";
}

}  // namespace coproc::inline v0::detail
