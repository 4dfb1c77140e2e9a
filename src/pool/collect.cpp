// Results from workers, and their ends.
#include <algorithm>
#include <string>
#include <utility>

#include "coproc/errors.hpp"
#include "messenger/error_table.hpp"
#include "messenger/message_access.hpp"
#include "os/clock.hpp"
#include "os/process_memory.hpp"
#include "pool/core.hpp"
#include "pool/protocol.hpp"

namespace coproc::inline v0::detail {

using pool::KilledFor;
using pool::Outcome;
using pool::ResultHead;
using pool::ToHost;

namespace {

constexpr std::size_t kSlowestKept = 10;
/// After so many workers in a row have ended before they could run anything, and none is there that can, the pool gives up.
constexpr std::size_t kMostFailures = 3;
constexpr std::int64_t kFirstRetry = 10'000'000;  // ns; doubled by each failure
constexpr std::int64_t kLastRetry = 1'000'000'000;
/// How much longer than its limit a task may run before the host does what its worker's timer has not done.
constexpr std::int64_t kTimerGrace = 500'000'000;
/// How long a worker may take to skip a cancelled task or to end itself, before it is killed.
constexpr std::int64_t kSkipGrace = 100'000'000;
/// The memory of a worker is looked at behind each task that takes long, and not for each of many short ones.
constexpr std::uint64_t kLongTask = 100'000;
constexpr std::int64_t kLookAtMemoryEvery = 10'000'000;

std::int64_t after(std::int64_t begin, std::chrono::nanoseconds time, std::int64_t grace) noexcept {
  if (time.count() > pool::Slot::kNever - begin - grace) return pool::Slot::kNever;
  return begin + time.count() + grace;
}

/// When the first task of the window has to have ended.
std::int64_t overdue_at(const pool::Slot& slot) noexcept {
  if (slot.window.empty()) return pool::Slot::kNever;
  const Task& task = *slot.window.front();
  const auto limit = after(slot.head_since, task.job->options.time_limit.ns, kTimerGrace);
  return task.cancelled_at != 0 ? std::min(limit, std::max(slot.head_since, task.cancelled_at) + kSkipGrace) : limit;
}

/// Whether its limit is what ended the worker that ran this task.
bool ran_out_of_time(const pool::Slot& slot, const Task& task, const ExitStatus& status) {
  const bool was_limit = slot.killed_for == KilledFor::time_limit ||
                         (slot.killed_for == KilledFor::nothing && status.signal() == pool::time_limit_signal());
  return was_limit && task.job->options.time_limit.ns != kForever.ns;
}

}  // namespace

/// Takes in what has come. Whether anything had.
bool PoolCore::collect(Slot& slot) {
  if (slot.phase == Slot::Phase::empty) return false;
  bool any = false;
  try {
    for (Message& message : slot.messenger().receive_available()) any = take(slot, std::move(message)) || any;
  } catch (const ProtocolError&) {
    slot.lie = std::current_exception();
    slot.kill(KilledFor::lie);
    look_for_end(slot);
    return true;
  } catch (const LinkClosedError&) {
    look_for_end(slot);
    return true;
  } catch (const ResourceRequestedClose&) {
    return false;
  } catch (...) {
    return true;  // what has left its init or exit function: its exit status will say so, too
  }
  if (any) replace_if_used_up(slot);
  return any;
}

bool PoolCore::take(Slot& slot, Message&& message) {
  if (!message.holds<pool::MessageFromPoolWorker>()) {
    throw ProtocolError("pool worker " + std::to_string(slot.insights.pid) + " has sent a message of type " +
                        std::string(message.type_name()) + ", which no pool worker sends");
  }
  Decoder from(MessageAccess::payload(message), MessageAccess::max_allocation(message));
  switch (decode<ToHost>(from)) {
    case ToHost::ready:
      if (slot.phase != Slot::Phase::starting) break;
      slot.note_ready();
      return true;
    case ToHost::result:
      take_result(slot, from, std::move(message));
      return true;
  }
  throw ProtocolError("pool worker " + std::to_string(slot.insights.pid) + " has sent what no pool worker sends");
}

void PoolCore::take_result(Slot& slot, Decoder& from, Message&& message) {
  const auto head = decode<ResultHead>(from);
  if (slot.window.empty() || slot.window.front()->serial != head.serial || head.outcome > Outcome::skipped) {
    throw ProtocolError("pool worker " + std::to_string(slot.insights.pid) + " has sent the result of task " +
                        std::to_string(head.serial) + ", which it was not running");
  }
  TaskPtr task = std::move(slot.window.front());
  slot.window.pop_front();
  const std::int64_t now = os::now_ns();
  slot.head_since = now;

  if (head.outcome == Outcome::skipped) {
    if (!task->is_told_to_skip) {
      throw ProtocolError("pool worker " + std::to_string(slot.insights.pid) +
                          " has skipped a task which it was to run");
    }
    return finish(nullptr, std::move(task));
  }
  slot.failures = 0;
  failures_ = 0;
  if (options_.memory_per_worker != 0 &&
      (head.work_ns >= kLongTask || now - slot.looked_at_memory > kLookAtMemoryEvery)) {
    slot.looked_at_memory = now;
    slot.is_too_large = os::resident_bytes(slot.insights.pid) > options_.memory_per_worker;
  }
  const std::chrono::nanoseconds work(head.work_ns);
  slot.insights.work_time += work;
  std::uint64_t& average = task->job->function.task_ns;
  const std::uint64_t time = std::max<std::uint64_t>(1, head.work_ns);
  average = average == 0 ? time : average - average / 8 + time / 8;
  if (slowest_.size() < kSlowestKept || work > slowest_.back().time) {
    const SlowTask slow{task->index, slot.insights.pid, work};
    const auto is_slower = [](const SlowTask& a, const SlowTask& b) { return a.time > b.time; };
    slowest_.insert(std::upper_bound(slowest_.begin(), slowest_.end(), slow, is_slower), slow);
    if (slowest_.size() > kSlowestKept) slowest_.pop_back();
  }
  if (head.outcome == Outcome::error) {
    const auto rest = MessageAccess::payload(message).last(from.remaining());
    const RemoteOrigin origin(options_.worker.name, slot.insights.pid, task->index);
    try {
      task->error = decode_error_payload(rest, MessageAccess::max_allocation(message), origin).error;
    } catch (...) {
      task->error = std::current_exception();
    }
  } else {
    task->result.emplace(std::move(message));
  }
  finish(&slot, std::move(task));
}

/// Of a slot that has woken the driver and has no result: takes in its end, if it has come.
void PoolCore::look_for_end(Slot& slot) {
  if (slot.phase == Slot::Phase::empty) return;
  for (int i = 0; i < 2 && !slot.worker().exit_status(); ++i) {
    try {
      if (auto message = slot.messenger().receive_for(std::chrono::seconds(0))) take(slot, *std::move(message));
    } catch (const ProtocolError&) {
      slot.lie = std::current_exception();
      slot.kill(KilledFor::lie);
    } catch (...) {
      // Its end, or what has left its init function, both of which its exit status tells; or a close request, which is nothing to
      // the pool.
    }
  }
  const auto status = slot.worker().exit_status();
  if (!status || std::holds_alternative<NotYetEnded>(status->end)) return;
  // What it had sent before.
  if (slot.killed_for != KilledFor::lie) {
    try {
      for (Message& message : slot.messenger().receive_available()) take(slot, std::move(message));
    } catch (...) {
      // Whatever it is, the worker has ended.
    }
  }
  note_end(slot, *status);
}

std::exception_ptr PoolCore::error_of_end(const Slot& slot, const Task& task, const ExitStatus& status) {
  if (ran_out_of_time(slot, task, status)) {
    const double seconds = std::chrono::duration<double>(task.job->options.time_limit.ns).count();
    return std::make_exception_ptr(TaskTimeoutError(
        "task " + std::to_string(task.index) + " ran for longer than its time limit of " + std::to_string(seconds) +
            " s: its worker " + std::to_string(slot.insights.pid) + " was killed",
        task.index));
  }
  if (slot.killed_for == KilledFor::lie) return slot.lie;
  return std::make_exception_ptr(WorkerDiedError(options_.worker.name, slot.insights.pid, status, task.index));
}

void PoolCore::note_end(Slot& slot, const ExitStatus& status) {
  const bool was_closing = slot.phase == Slot::Phase::closing;
  slot.note_end(status);
  if (slot.window.empty()) {
    if (!was_closing && !is_stopped_) {
      note_failed_start(slot, slot.lie           ? slot.lie
                              : status.exception ? status.exception
                                                 : std::make_exception_ptr(WorkerDiedError(options_.worker.name,
                                                                                           slot.insights.pid, status)));
    }
    return;
  }
  // The first one was running, the others had not begun.
  slot.failures = 0;
  failures_ = 0;
  while (slot.window.size() > 1) {
    TaskPtr task = std::move(slot.window.back());
    slot.window.pop_back();
    if (task->is_cancelled() || task->job->drops(*task)) {
      finish(nullptr, std::move(task));
    } else {
      queue_.push_front(std::move(task));
    }
  }
  TaskPtr task = std::move(slot.window.front());
  slot.window.clear();
  const bool is_retried = task->deaths < task->job->options.max_retries && !task->is_cancelled() &&
                          !task->job->drops(*task) && slot.killed_for != KilledFor::lie &&
                          !ran_out_of_time(slot, *task, status);
  if (is_retried) {
    ++task->deaths;
    queue_.push_front(std::move(task));
    return;
  }
  task->error = error_of_end(slot, *task, status);
  finish(&slot, std::move(task));
}

/// A worker that has ended without having run anything.
void PoolCore::note_failed_start(Slot& slot, std::exception_ptr cause) {
  ++slot.failures;
  ++failures_;
  const int doublings = static_cast<int>(std::min<std::size_t>(slot.failures - 1, 10));
  slot.retry_at = os::now_ns() + std::min(kLastRetry, kFirstRetry << doublings);
  const auto can_run = [](const auto& other) { return other->phase == Slot::Phase::ready; };
  if (failures_ >= kMostFailures && std::none_of(slots_.begin(), slots_.end(), can_run)) give_up(cause);
}

void PoolCore::replace_if_used_up(Slot& slot) {
  if (slot.phase != Slot::Phase::ready || !slot.window.empty()) return;
  const bool is_used_up = options_.tasks_per_worker != 0 && slot.given >= options_.tasks_per_worker;
  if (!is_used_up && !slot.is_too_large) return;
  slot.phase = Slot::Phase::closing;
  slot.kill_at = after(os::now_ns(), options_.worker.stop.close.ns, 0);
  try {
    slot.messenger().send_close_request();
  } catch (const LinkClosedError&) {
    // It has ended by itself.
  }
}

/// Kills what should have ended, or gone on, by now.
void PoolCore::end_overdue() {
  for (const auto& slot : slots_) {
    if (slot->kill_at == Slot::kNever && slot->window.empty()) continue;
    if (slot->phase == Slot::Phase::ready) slot->kill_at = overdue_at(*slot);
    if (slot->kill_at == Slot::kNever || os::now_ns() < slot->kill_at) continue;
    const bool is_cancelled = !slot->window.empty() && slot->window.front()->is_cancelled();
    slot->kill(slot->phase == Slot::Phase::closing ? KilledFor::too_slow
               : is_cancelled                      ? KilledFor::cancelled
                                                   : KilledFor::time_limit);
    look_for_end(*slot);
  }
}

void PoolCore::start_missing() {
  if (is_stopped_ || has_given_up_) return;
  for (const auto& slot : slots_) {
    if (slot->phase != Slot::Phase::empty || slot->worker().is_alive() || os::now_ns() < slot->retry_at) continue;
    try {
      slot->start();
    } catch (const Error&) {
      note_failed_start(*slot, std::current_exception());
      if (has_given_up_) return;
    }
  }
}

}  // namespace coproc::inline v0::detail
