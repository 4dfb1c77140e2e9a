// Tasks to workers.
#include <algorithm>
#include <utility>

#include "coproc/errors.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

namespace {

/// How long the tasks in a worker's window should take it: long enough that it finds work while the host takes its time, short
/// enough that none of them could have been done much earlier elsewhere.
constexpr std::uint64_t kWindowTime = 25'000'000;  // ns
constexpr std::uint64_t kChunkTime = 100'000;      // ns
constexpr std::size_t kMostInWindow = 512;
constexpr std::size_t kMostInChunk = 64;
/// No task is free, whatever the clock says.
constexpr std::uint64_t kLeastTime = 200;  // ns

}  // namespace

std::size_t PoolCore::window_of(const Job& job) const noexcept {
  if (options_.window != 0) return options_.window;
  const std::uint64_t time = job.function.task_ns;
  if (time == 0) return 1;  // not known yet
  return std::clamp<std::size_t>(kWindowTime / std::max(time, kLeastTime), 1, kMostInWindow);
}

std::size_t PoolCore::chunk_of(const Job& job) const noexcept {
  if (job.options.chunk_size != 0) return job.options.chunk_size;
  const std::uint64_t time = job.function.task_ns;
  if (time == 0) return 1;
  return std::clamp<std::size_t>(kChunkTime / std::max(time, kLeastTime), 1, kMostInChunk);
}

/// The one with the least to do, among those that may be given more.
PoolCore::Slot* PoolCore::slot_for(const Task& task) noexcept {
  const std::size_t window = window_of(*task.job);
  Slot* best = nullptr;
  bool is_one_starting = false;
  for (const auto& slot : slots_) {
    is_one_starting = is_one_starting || slot->phase == Slot::Phase::starting;
    if (slot->phase != Slot::Phase::ready || slot->is_full || slot->killed_for != pool::KilledFor::nothing) continue;
    if (slot->window.size() >= window || slot->is_too_large) continue;
    if (options_.tasks_per_worker != 0 && slot->given >= options_.tasks_per_worker) continue;
    if (best == nullptr || slot->window.size() < best->window.size()) best = slot.get();
    if (best->window.empty()) return best;
  }
  // Soon there is one with nothing to do: then nothing is put behind another task.
  return is_one_starting ? nullptr : best;
}

void PoolCore::send_skips() noexcept {
  for (const auto& slot : slots_) {
    try {
      slot->send_skips();
    } catch (...) {
      // Of a worker that has ended, or lies: whoever drives next sees it.
    }
  }
}

/// Whether anything was sent.
bool PoolCore::dispatch() {
  send_skips();
  for (const auto& slot : slots_) slot->is_full = false;
  bool any = false;
  while (!queue_.empty()) {
    Slot* const slot = slot_for(*queue_.front());
    if (slot == nullptr) break;
    if (send_next(*slot)) {
      any = true;
    } else {
      slot->is_full = true;
    }
  }
  for (const auto& slot : slots_) slot->end_batch();
  return any;
}

/// Sends the slot what is next in the queue. False: it takes nothing at the moment.
bool PoolCore::send_next(Slot& slot) {
  if (slot.window.empty() && !slot.worker().is_alive()) {
    // Died while it was idle: it shall not take a task with it.
    look_for_end(slot);
    return false;
  }
  Job& job = *queue_.front()->job;
  std::size_t most = std::min(chunk_of(job), std::max<std::size_t>(1, window_of(job) - slot.window.size()));
  if (options_.tasks_per_worker != 0) most = std::min(most, options_.tasks_per_worker - slot.given);
  std::vector<TaskPtr> tasks;
  while (tasks.size() < most && !queue_.empty() && queue_.front()->job.get() == &job) {
    tasks.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  slot.batch();
  const bool is_sent = send(slot, tasks);
  // What was not sent goes back to where it was.
  while (!tasks.empty()) {
    if (tasks.back() != nullptr) queue_.push_front(std::move(tasks.back()));
    tasks.pop_back();
  }
  return is_sent;
}

/// True: they are sent, or have failed. False: they are not, and the worker takes nothing.
bool PoolCore::send(Slot& slot, std::vector<TaskPtr>& tasks) {
  try {
    if (!slot.send(tasks)) return false;
    tasks.clear();
    return true;
  } catch (const LinkClosedError&) {
    return false;  // its end is seen by whoever waits for it
  } catch (const TimeoutError&) {
    slot.kill(pool::KilledFor::too_slow);
    return false;
  } catch (...) {
    if (tasks.size() == 1) {
      tasks.front()->error = std::current_exception();
      finish(nullptr, std::move(tasks.front()));
      tasks.clear();
      return true;
    }
  }
  // One of them cannot be sent. Alone each answers for itself.
  bool any = false;
  for (TaskPtr& task : tasks) {
    std::vector<TaskPtr> alone;
    alone.push_back(std::move(task));
    const bool is_sent = send(slot, alone);
    any = any || is_sent;
    if (!is_sent) {
      task = std::move(alone.front());
      break;
    }
  }
  return any;
}

}  // namespace coproc::inline v0::detail
