// The ends of workers: workers that end by themselves, that the host kills, or that cannot be killed.
#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "coproc/errors.hpp"
#include "os/clock.hpp"
#include "pool/protocol.hpp"
#include "pool/talk.hpp"
#include "values/frame_text.hpp"

namespace coproc::inline v0::detail {

using pool::after;
using pool::KilledFor;

namespace {

constexpr std::int64_t kTryAgainIn = 1'000'000'000;  // ns
/// How much longer than its limit a task may run before the host kills the worker, whose timer should have done so.
constexpr std::int64_t kTimerGrace = 500'000'000;
/// How long a worker may take to skip a cancelled task or to end itself, before it is killed.
constexpr std::int64_t kSkipGrace = 100'000'000;
/// An idle worker that reads nothing for this long is taken to hang.
constexpr std::int64_t kReadsWithin = 10'000'000'000;
/// The least time that a killed process is given to end, whatever the options say.
constexpr std::chrono::nanoseconds kDiesWithin = std::chrono::seconds(1);
constexpr std::int64_t kReapLostEvery = 1'000'000'000;

/// Whether the time limit of this task ended the worker that ran it.
bool ran_out_of_time(const pool::Slot& slot, const Task& task, const ExitStatus& status) noexcept {
  if (task.job->options.time_limit.ns == kForever.ns) return false;
  if (slot.killed_for == KilledFor::nothing) return status.signal() == pool::time_limit_signal();
  return slot.killed_for == KilledFor::time_limit && slot.killed_at_task == task.serial;
}

/// Takes out the first call alone, or its whole stretch if there is no memory to split it.
TaskPtr pop_running(TaskList& window) noexcept {
  try {
    return window.pop_front(1);
  } catch (const std::bad_alloc&) {
    return window.pop_front();
  }
}

}  // namespace

/// Returns when the host has to act on this slot if nothing arrives from it before.
std::int64_t PoolCore::due_at(const Slot& slot) const noexcept {
  switch (slot.phase) {
    case Slot::Phase::empty:
      return !wants_workers() || is_launching_ || asked_ != nullptr ? Slot::kNever : slot.retry_at;
    case Slot::Phase::launching:
      return Slot::kNever;
    case Slot::Phase::hanging:
      return slot.hang ? 0 : Slot::kNever;
    case Slot::Phase::ending:
      return slot.look_at;
    case Slot::Phase::closing:
      return slot.kill_at;
    case Slot::Phase::starting:
    case Slot::Phase::ready:
      break;
  }
  if (slot.stuck_since() != 0) return slot.stuck_since() + kReadsWithin;
  if (slot.window.empty()) return Slot::kNever;
  const Task& task = slot.window.front();
  const auto limit = after(slot.head_since, task.job->options.time_limit.ns, kTimerGrace);
  return task.is_cancelled() ? std::min(limit, std::max(slot.head_since, task.cancelled_at) + kSkipGrace) : limit;
}

/// Takes in the ends of workers that were told to end or were killed. Returns whether any had ended.
bool PoolCore::take_ends() noexcept {
  bool any = false;
  for (const auto& slot : slots_) {
    if (slot->phase == Slot::Phase::ending && slot->is_look_due(os::now_ns())) any = take_end(*slot) || any;
  }
  reap_lost();
  return any;
}

/// Takes in the ends of all other workers. Only calls that do not sleep need this: a death wakes the driver.
void PoolCore::take_deaths() noexcept {
  for (const auto& slot : slots_) {
    if (!slot->is_open() || slot->worker().is_alive()) continue;
    take_all(*slot);
    slot->await_end({}, nullptr);
    take_end(*slot);
  }
}

/// Takes in the end of a worker and its last answers. Returns false if it has not ended.
bool PoolCore::take_end(Slot& slot) noexcept {
  if (!slot.has_process()) return false;
  try {
    const auto status = slot.worker().exit_status();
    if (!status || std::holds_alternative<NotYetEnded>(status->end)) return false;
    take_last_answers(slot);
    if (awaits_fence(slot, *status)) return false;
    note_end(slot, *status);
    return true;
  } catch (...) {
    return false;  // end_overdue() gives it up if its status can never be read
  }
}

/// Whether this worker may still run its task on a machine that was lost, and must have ended before the task is run
/// again. The slot then keeps the task until the worker's lease is over.
bool PoolCore::awaits_fence(Slot& slot, const ExitStatus& status) noexcept {
  if (!may_run_on(slot, status) || slot.window.empty() || is_stopped_) return false;
  const Task& task = slot.window.front();
  const bool is_dropped = task.is_cancelled() || task.job->drops(task);
  if (is_dropped || task.deaths >= task.job->options.max_retries || task.job->options.retries_unfenced) return false;
  const Machine* const machine = machine_of(slot.number);
  if (machine == nullptr || machine->options().silence.ns == kForever.ns) return false;
  const std::int64_t now = os::now_ns();
  if (slot.fenced_at == 0) slot.fenced_at = after(now, machine->options().silence.ns);
  slot.kill_at = Slot::kNever;  // there is nobody left whom that would reach
  return now < slot.fenced_at;
}

/// Whether the worker's machine was lost in a way that leaves open whether the worker runs.
bool PoolCore::may_run_on(const Slot& slot, const ExitStatus& status) const noexcept {
  const auto* const lost = std::get_if<MachineLost>(&status.end);
  return lost != nullptr && lost->fence == Fence::no && (slot.fenced_at == 0 || os::now_ns() < slot.fenced_at);
}

const Machine* PoolCore::machine_of(std::size_t place) const noexcept {
  const auto& machines = options_.machines;
  return machines.empty() ? nullptr : &machines[place % machines.size()];
}

/// Takes in the answers that a worker had sent before its end. Errors of the worker do not matter any more.
void PoolCore::take_last_answers(Slot& slot) noexcept {
  if (slot.killed_for == KilledFor::failure) return;
  // The loop is bounded, because a child of the worker may go on writing to its link.
  bool is_more = true;
  for (std::size_t rounds = slot.window.calls() + 8; rounds != 0 && is_more; --rounds) {
    is_more = false;
    try {
      if (take_block(slot, is_more) && is_more) continue;
      for (Message& message : slot.messenger().receive_available()) {
        take(slot, std::move(message));
        is_more = true;
      }
    } catch (const ProtocolError&) {
      return;
    } catch (const LinkClosedError&) {
      return;
    } catch (const SystemLimitError&) {
      return;
    } catch (...) {
      is_more = true;  // an error or a close request; results may follow it
    }
  }
}

/// Kills workers that have exceeded the time for their task, for reading, or for their end. Gives up those that do not
/// end even then.
void PoolCore::end_overdue() noexcept {
  for (const auto& slot : slots_) {
    if (!slot->has_process()) continue;
    const std::int64_t now = os::now_ns();
    if (slot->phase == Slot::Phase::ending) {
      if (now >= slot->kill_at) slot->kill(KilledFor::failure, slot->cause);
      if (slot->killed_for != KilledFor::nothing && slot->give_up_at == Slot::kNever) {
        slot->give_up_at = after(now, std::max(options_.worker.stop.kill.ns, kDiesWithin));
      }
      if (now >= slot->give_up_at) give_up(*slot);
      continue;
    }
    if (slot->phase == Slot::Phase::hanging) continue;
    if (now < due_at(*slot)) continue;
    // Its answer may still be in the link, if too many results were unread to take it in.
    if (take_all(*slot) && (!slot->is_open() || now < due_at(*slot))) continue;
    const bool is_cancelled = !slot->window.empty() && slot->window.front().is_cancelled();
    const bool is_slow = slot->phase == Slot::Phase::closing || slot->stuck_since() != 0;
    slot->kill(is_slow ? KilledFor::too_slow : is_cancelled ? KilledFor::cancelled : KilledFor::time_limit);
    take_end(*slot);
  }
}

/// Puts another worker in the place of one that was killed and does not end: it is in uninterruptible sleep, is held by
/// a tracer, or may not be signalled by this user any more.
void PoolCore::give_up(Slot& slot) noexcept {
  try {
    auto fresh = make_worker_(slot.number);
    lost_.reserve(lost_.size() + 1);
    take_last_answers(slot);
    lost_.push_back(slot.exchange(std::move(fresh)));
  } catch (...) {
    slot.give_up_at = os::now_ns() + kTryAgainIn;
    return;
  }
  ExitStatus status;
  status.end = NotYetEnded{};
  note_end(slot, status);
}

/// Checks at intervals whether workers that were given up have ended, and reaps them.
void PoolCore::reap_lost() noexcept {
  if (lost_.empty() || os::now_ns() < reap_lost_at_) return;
  reap_lost_at_ = os::now_ns() + kReapLostEvery;
  std::erase_if(lost_, [](const auto& lost) {
    try {
      return lost->worker().exit_status().has_value();
    } catch (...) {
      return false;
    }
  });
}

/// Returns the error of a task whose worker ended or was given up while it ran.
std::exception_ptr PoolCore::error_of_end(const Slot& slot, const Task& task, const ExitStatus& status) noexcept {
  try {
    if (ran_out_of_time(slot, task, status)) {
      const double seconds = std::chrono::duration<double>(task.job->options.time_limit.ns).count();
      const bool is_dead = !std::holds_alternative<NotYetEnded>(status.end);
      std::string text = "task " + std::to_string(task.index) + " ran for longer than its time limit of " +
                         std::to_string(seconds) + " s: its worker " + std::to_string(slot.insights.pid) +
                         (is_dead ? " was killed" : " could not be killed, and is not used any more");
      if (!status.stack.empty()) text += ", in " + std::string(without_number(status.stack.front()));
      throw TaskTimeoutError(text, task.index, status.stack);
    }
    if (slot.killed_for == KilledFor::failure && slot.cause) return slot.cause;
    throw WorkerDiedError(options_.worker.name, slot.insights.pid, status, task.index);
  } catch (...) {
    return std::current_exception();
  }
}

/// Empties the slot of a worker that has ended or was given up, and counts that.
void PoolCore::note_end(Slot& slot, const ExitStatus& status) noexcept {
  const bool counts = is_counted(slot, status);
  if (os::now_ns() - slot.started_at() >= options_.restart.backoff.reset_after.count()) slot.failures = 0;
  empty(slot, status);
  if (!counts) return;
  try {
    const std::string text = "worker " + std::to_string(slot.insights.pid) + " " + status.describe();
    const WorkerDiedError died(options_.worker.name, slot.insights.pid, status);
    count_end(in_lines(text, "    "), std::make_exception_ptr(died));
  } catch (const std::exception&) {
    // There is no memory. It is not counted.
  }
}

/// Whether an end is one of those that PoolRestartOptions::most limits: neither the host nor a task's options have
/// wanted it. All workers of a machine are lost together, which is one end.
bool PoolCore::is_counted(const Slot& slot, const ExitStatus& status) const noexcept {
  if (slot.is_replaced || is_stopped_) return false;
  if (std::holds_alternative<MachineLost>(status.end) && slot.started_at() < lost_at_) return false;
  if (slot.window.empty()) return true;
  const Task& task = slot.window.front();
  return !task.is_cancelled() && !ran_out_of_time(slot, task, status);
}

/// Empties the slot of a worker that has ended or was given up. The running task fails or is retried, and the other
/// tasks of the window return to the queue.
void PoolCore::empty(Slot& slot, const ExitStatus& status) noexcept {
  try {
    split_off_answered(slot);
  } catch (const std::bad_alloc&) {
    // The answered calls fail together with the running one.
  }
  any_ended_ = true;
  const bool has_ended = !std::holds_alternative<NotYetEnded>(status.end);
  // What a lost machine had answered last is lost, too: any of its tasks may have begun.
  const bool is_lost = std::holds_alternative<MachineLost>(status.end);
  const bool may_go_on = (slot.is_kill_refused && !has_ended) || is_lost;
  const bool is_unfenced = may_run_on(slot, status);
  // If this is false, the worker had not taken the whole message of its first task out of the link, so that no task has
  // begun.
  const bool was_killed_for_failure = slot.killed_for == KilledFor::failure && slot.ready_since != 0;
  const bool has_begun = slot.stuck_since() == 0 && (slot.window.empty() || !has_ended || was_killed_for_failure ||
                                                     slot.core().has_peer_taken(slot.window.front().sent_until));
  const bool could_run = slot.ready_since != 0;
  // All workers of a machine are lost together, which is one failure.
  const bool is_lost_with_others = is_lost && slot.started_at() < lost_at_;
  if (is_lost && !is_lost_with_others) lost_at_ = os::now_ns();
  slot.note_end(status);
  if (slot.window.empty() || !has_begun) {
    queue_.prepend(std::move(slot.window));
    if (slot.is_replaced || is_stopped_) return;
    if (slot.killed_for == KilledFor::failure && slot.cause) return note_failed_start(slot, slot.cause);
    if (status.exception) return note_failed_start(slot, status.exception);
    if (could_run || is_lost_with_others) return delay_start(slot);
    try {
      throw WorkerDiedError(options_.worker.name, slot.insights.pid, status);
    } catch (...) {
      return note_failed_start(slot, std::current_exception());
    }
  }
  // The first call was running. The others had not begun, unless the process could not be killed and may go on, or is
  // on a machine that was lost.
  slot.failures = 0;
  failures_ = 0;
  TaskList again;
  bool may_have_begun = true;
  for (TaskList window = std::move(slot.window); !window.empty(); may_have_begun = may_go_on) {
    Task& task = window.front();
    const bool is_dropped = task.is_cancelled() || task.job->drops(task);
    const bool is_retried = task.deaths < task.job->options.max_retries && slot.killed_for != KilledFor::failure &&
                            (!is_unfenced || task.job->options.retries_unfenced) &&
                            !ran_out_of_time(slot, task, status);
    if (!is_dropped && may_have_begun && is_retried) ++task.deaths;
    if (!is_dropped && (!may_have_begun || is_retried)) {
      again.push_back(window.pop_front());
      continue;
    }
    std::exception_ptr error;
    if (may_have_begun) error = error_of_end(slot, task, status);
    TaskPtr ended = is_dropped ? window.pop_front() : pop_running(window);
    ended->error = std::move(error);
    finish(may_have_begun ? &slot : nullptr, std::move(ended));
  }
  queue_.prepend(std::move(again));
}

}  // namespace coproc::inline v0::detail
