// Hands tasks to workers.
#include <algorithm>
#include <utility>

#include "coproc/errors.hpp"
#include "os/clock.hpp"
#include "pool/talk.hpp"

namespace coproc::inline v0::detail {

namespace {

/// The time that the tasks in a window should take: long enough that the worker has work until the host's next call,
/// and short enough that no task waits long behind others while another worker is idle.
constexpr std::uint64_t kWindowTime = 25'000'000;    // ns
constexpr std::uint64_t kChunkTime = 100'000;        // ns
constexpr std::size_t kMostInWindow = 512;           // if tasks are sent one by one
constexpr std::size_t kMostInWindowOfChunks = 4096;  // if they are sent in chunks
constexpr std::size_t kMostInChunk = 512;
/// The least time that a task is taken to last, since the clock may show none.
constexpr std::uint64_t kLeastTime = 200;  // ns

/// One call of a stretch, as a task of its own.
class Part final : public Task {
 public:
  Part(std::shared_ptr<Task> whole, std::size_t number) : whole_(std::move(whole)) {
    begin = whole_->begin + number;
    job = whole_->job;
    index = whole_->index + number;
  }
  void encode(Encoder& encoder) const override {
    whole_->begin = begin;
    whole_->calls = calls;
    whole_->encode(encoder);
  }

 private:
  std::shared_ptr<Task> whole_;
};

/// Returns the calls of these tasks, each as a task of its own.
TaskList split_into_calls(TaskList tasks) {
  TaskList all;
  while (!tasks.empty()) {
    const std::size_t calls = tasks.front().calls;
    if (calls == 1) {
      all.push_back(tasks.pop_front());
      continue;
    }
    const std::shared_ptr<Task> whole = tasks.pop_front();
    for (std::size_t i = 0; i != calls; ++i) all.push_back(std::make_unique<Part>(whole, i));
  }
  return all;
}

}  // namespace

std::size_t PoolCore::window_of(const Job& job) const noexcept {
  if (options_.window != 0) return options_.window;
  const std::uint64_t time = job.function->task_ns;
  if (time == 0) return 1;  // not known yet
  return std::clamp<std::size_t>(kWindowTime / std::max(time, kLeastTime), 1,
                                 job.options.chunk_size == 1 ? kMostInWindow : kMostInWindowOfChunks);
}

std::size_t PoolCore::chunk_of(const Job& job) const noexcept {
  if (job.options.chunk_size != 0) return job.options.chunk_size;
  const std::uint64_t time = job.function->task_ns;
  if (time == 0) return 1;
  return std::clamp<std::size_t>(kChunkTime / std::max(time, kLeastTime), 1, kMostInChunk);
}

/// Returns how many calls form one task. With RecycleOptions::requests it is one, since the number has to be exact.
std::size_t PoolCore::stretch_of(const Job& job) const noexcept {
  return options_.recycle.requests != 0 ? 1 : std::min(chunk_of(job), window_of(job));
}

/// Whether a call of this job may wait in the window behind the running task. It may not if that task takes long, or if
/// it is of another function whose time is unknown.
bool PoolCore::may_wait_behind(const Slot& slot, const Job& job, std::int64_t now) const noexcept {
  if (slot.window.empty() || options_.window != 0) return true;
  const Job& running = *slot.window.front().job;
  const std::uint64_t time = running.function->task_ns;
  const bool is_unknown = time == 0 && running.function != job.function;
  return !is_unknown && time <= kWindowTime && now - slot.head_since <= static_cast<std::int64_t>(kWindowTime);
}

/// Returns the slot with the fewest calls among those that may be given this task, or null.
PoolCore::Slot* PoolCore::slot_for(const Task& task, std::int64_t now) noexcept {
  const std::size_t window = window_of(*task.job);
  Slot* best = nullptr;
  bool is_one_starting = false;
  for (const auto& slot : slots_) {
    is_one_starting = is_one_starting || slot->phase == Slot::Phase::starting;
    if (slot->phase != Slot::Phase::ready || slot->is_full) continue;
    if (slot->window.calls() >= window || slot->is_used_up) continue;
    if (!may_wait_behind(*slot, *task.job, now)) continue;
    if (slot->recycling.requests_left(slot->given) == 0) continue;
    if (best == nullptr || slot->window.calls() < best->window.calls()) best = slot.get();
    if (best->window.empty()) return best;
  }
  // If a worker is starting, the task waits for it rather than behind another task.
  return is_one_starting ? nullptr : best;
}

void PoolCore::send_skips() noexcept {
  for (const auto& slot : slots_) {
    if (slot->phase != Slot::Phase::ready) continue;
    talk(*slot, [&] {
      slot->send_skips();
      return false;
    });
    slot->end_batch();
  }
}

/// Tells idle workers which functions were destroyed. A busy worker is told before it gets its next new function.
void PoolCore::send_forgets() noexcept {
  // relaxed: the weak pointers in the slots show which functions were destroyed
  if (is_function_destroyed_->load(std::memory_order_relaxed)) {
    is_function_destroyed_->store(false, std::memory_order_relaxed);
    for (const auto& slot : slots_) slot->may_forget = true;
  }
  for (const auto& slot : slots_) {
    if (!slot->may_forget || slot->phase != Slot::Phase::ready || !slot->window.empty()) continue;
    talk(*slot, [&] {
      slot->send_forgets();
      return false;
    });
  }
}

/// Hands out tasks as far as windows and links have room. Returns whether any task was sent.
bool PoolCore::dispatch() {
  send_skips();
  for (const auto& slot : slots_) slot->is_full = false;
  bool any = false;
  const std::int64_t now = queue_.empty() ? 0 : os::now_ns();
  while (put_needed_first()) {
    Slot* const slot = slot_for(queue_.front(), now);
    if (slot == nullptr) break;
    if (send_from_queue(*slot)) {
      any = true;
    } else {
      slot->is_full = true;
    }
  }
  send_forgets();
  for (const auto& slot : slots_) slot->end_batch();
  return any;
}

/// Sends the next tasks of the queue to this slot. Returns false if the slot takes none at the moment.
bool PoolCore::send_from_queue(Slot& slot) {
  if (slot.window.empty() && !slot.worker().is_alive()) {
    // The worker died while it was idle. A task that was sent to it would fail.
    slot.await_end({}, nullptr);
    take_end(slot);
    return false;
  }
  const Job& job = *queue_.front().job;
  std::size_t most = std::min(chunk_of(job), std::max<std::size_t>(1, window_of(job) - slot.window.calls()));
  most = std::min<std::size_t>(most, slot.recycling.requests_left(slot.given));
  if (is_over_limit(job)) most = 1;
  TaskList tasks;
  const auto fits = [&](const Task& task) {
    return tasks.calls() + task.calls <= most || (tasks.empty() && slot.window.empty());
  };
  while (!queue_.empty() && queue_.front().job.get() == &job && fits(queue_.front())) {
    tasks.push_back(queue_.pop_front());
  }
  if (tasks.empty()) return false;
  const bool is_sent = send_or_fail(slot, tasks);
  queue_.prepend(std::move(tasks));  // tasks that were not sent return to their place
  return is_sent;
}

/// Sends these tasks of one job, or lets those fail that cannot be encoded. Returns false if the worker takes none;
/// then they are still in `tasks`.
bool PoolCore::send_or_fail(Slot& slot, TaskList& tasks) {
  bool is_sent = false;
  std::exception_ptr fault;  // the fault of a task, not of the worker
  talk(slot, [&] {
    try {
      is_sent = slot.send_tasks(tasks);
    } catch (const DecodeError&) {
      fault = std::current_exception();  // a ProtocolError by its type, but thrown by a codec
    } catch (const ProtocolError&) {
      throw;
    } catch (const LinkClosedError&) {
      throw;
    } catch (const QueueFullError&) {
      // Both inboxes are full. The results have to be taken in first.
    } catch (...) {
      fault = std::current_exception();
    }
    return false;
  });
  if (fault == nullptr) return is_sent;
  if (tasks.calls() == 1) {
    tasks.front().error = fault;
    finish(nullptr, tasks.pop_front());
    return true;
  }
  // One of the calls cannot be encoded. If each is sent alone, only that one fails.
  tasks = split_into_calls(std::move(tasks));
  bool any = false;
  while (!tasks.empty()) {
    TaskList next;
    next.push_back(tasks.pop_front());
    if (!send_or_fail(slot, next)) {
      tasks.prepend(std::move(next));
      break;
    }
    any = true;
  }
  return any;
}

}  // namespace coproc::inline v0::detail
