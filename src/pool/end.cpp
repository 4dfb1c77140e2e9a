// The ends of workers: those that come, those that the host brings about, and those that cannot be had.
#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "coproc/errors.hpp"
#include "os/clock.hpp"
#include "pool/protocol.hpp"
#include "pool/talk.hpp"

namespace coproc::inline v0::detail {

using pool::after;
using pool::KilledFor;

namespace {

constexpr std::int64_t kTryAgainIn = 1'000'000'000;  // ns
/// How much longer than its limit a task may run before the host does what its worker's timer has not done.
constexpr std::int64_t kTimerGrace = 500'000'000;
/// How long a worker may take to skip a cancelled task or to end itself, before it is killed.
constexpr std::int64_t kSkipGrace = 100'000'000;
/// An idle worker that takes nothing for so long hangs.
constexpr std::int64_t kReadsWithin = 10'000'000'000;
/// A killed process may need some time, whatever the options say.
constexpr std::chrono::nanoseconds kDiesWithin = std::chrono::seconds(1);
constexpr std::int64_t kLookForLostEvery = 1'000'000'000;

/// Whether its limit is what ended the worker that ran this task.
bool ran_out_of_time(const pool::Slot& slot, const Task& task, const ExitStatus& status) noexcept {
  if (task.job->options.time_limit.ns == kForever.ns) return false;
  if (slot.killed_for == KilledFor::nothing) return status.signal() == pool::time_limit_signal();
  return slot.killed_for == KilledFor::time_limit && slot.killed_at_task == task.serial;
}

/// The first call alone, as far as there is memory for that.
TaskPtr pop_running(TaskList& window) noexcept {
  try {
    return window.pop_front(1);
  } catch (const std::bad_alloc&) {
    return window.pop_front();
  }
}

}  // namespace

/// When the host has to do something about this slot, if nothing comes of it before.
std::int64_t PoolCore::due_at(const Slot& slot) const noexcept {
  switch (slot.phase) {
    case Slot::Phase::empty:
      return has_given_up_ || is_launching_ ? Slot::kNever : slot.retry_at;
    case Slot::Phase::launching:
      return Slot::kNever;
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

/// Whether any was there.
bool PoolCore::look_for_ends() noexcept {
  bool any = false;
  for (const auto& slot : slots_) {
    if (slot->phase == Slot::Phase::ending && slot->is_look_due(os::now_ns())) any = look_for_end(*slot) || any;
  }
  look_for_lost();
  return any;
}

/// For who does not sleep, and so is not woken by them.
void PoolCore::look_for_deaths() noexcept {
  for (const auto& slot : slots_) {
    if (!slot->is_open() || slot->worker().is_alive()) continue;
    take_all(*slot);
    slot->await_end({}, nullptr);
    look_for_end(*slot);
  }
}

/// Takes in its end, if it has come.
bool PoolCore::look_for_end(Slot& slot) noexcept {
  if (!slot.has_process()) return false;
  try {
    const auto status = slot.worker().exit_status();
    if (!status || std::holds_alternative<NotYetEnded>(status->end)) return false;
    take_what_was_sent(slot);
    note_end(slot, *status);
    return true;
  } catch (...) {
    return false;  // one whose end cannot be had is given up
  }
}

/// Results that came before an end. What is wrong with others does not matter any more.
void PoolCore::take_what_was_sent(Slot& slot) noexcept {
  if (slot.killed_for == KilledFor::failure) return;
  // Bounded: a process that the worker has left behind may go on with its link.
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
      is_more = true;  // an error, or a close request, which a result may stand behind
    }
  }
}

/// Kills what should have ended, or gone on, by now, and gives up what cannot be killed.
void PoolCore::end_overdue() noexcept {
  for (const auto& slot : slots_) {
    if (!slot->has_process()) continue;
    const std::int64_t now = os::now_ns();
    if (slot->phase == Slot::Phase::ending) {
      if (now >= slot->kill_at) slot->kill(KilledFor::failure, slot->cause);
      if (slot->killed_for != KilledFor::nothing && slot->give_up_at == Slot::kNever) {
        slot->give_up_at = after(now, std::max(options_.worker.stop.kill.ns, kDiesWithin));
      }
      if (now >= slot->give_up_at) abandon(*slot);
      continue;
    }
    if (now < due_at(*slot)) continue;
    // What it has sent may be in the link still, where too much is unread.
    if (take_all(*slot) && (!slot->is_open() || now < due_at(*slot))) continue;
    const bool is_cancelled = !slot->window.empty() && slot->window.front().is_cancelled();
    const bool is_slow = slot->phase == Slot::Phase::closing || slot->stuck_since() != 0;
    slot->kill(is_slow ? KilledFor::too_slow : is_cancelled ? KilledFor::cancelled : KilledFor::time_limit);
    look_for_end(*slot);
  }
}

/// Goes on with another worker in the place of one that was killed and does not end: it is in uninterruptible sleep,
/// held by a tracer, or not this user's any more.
void PoolCore::abandon(Slot& slot) noexcept {
  try {
    auto fresh = make_worker_(slot.number);
    lost_.reserve(lost_.size() + 1);
    take_what_was_sent(slot);
    lost_.push_back(slot.exchange(std::move(fresh)));
  } catch (...) {
    slot.give_up_at = os::now_ns() + kTryAgainIn;
    return;
  }
  ExitStatus status;
  status.end = NotYetEnded{};
  note_end(slot, status);
}

void PoolCore::look_for_lost() noexcept {
  if (lost_.empty() || os::now_ns() < look_for_lost_at_) return;
  look_for_lost_at_ = os::now_ns() + kLookForLostEvery;
  std::erase_if(lost_, [](const auto& lost) {
    try {
      return lost->worker().exit_status().has_value();
    } catch (...) {
      return false;
    }
  });
}

std::exception_ptr PoolCore::error_of_end(const Slot& slot, const Task& task, const ExitStatus& status) noexcept {
  try {
    if (ran_out_of_time(slot, task, status)) {
      const double seconds = std::chrono::duration<double>(task.job->options.time_limit.ns).count();
      const bool is_dead = !std::holds_alternative<NotYetEnded>(status.end);
      throw TaskTimeoutError("task " + std::to_string(task.index) + " ran for longer than its time limit of " +
                                 std::to_string(seconds) + " s: its worker " + std::to_string(slot.insights.pid) +
                                 (is_dead ? " was killed" : " could not be killed, and is not used any more"),
                             task.index);
    }
    if (slot.killed_for == KilledFor::failure && slot.cause) return slot.cause;
    throw WorkerDiedError(options_.worker.name, slot.insights.pid, status, task.index);
  } catch (...) {
    return std::current_exception();
  }
}

/// The process is not the slot's any more: it has ended, or was given up.
void PoolCore::note_end(Slot& slot, const ExitStatus& status) noexcept {
  try {
    split_off_answered(slot);
  } catch (const std::bad_alloc&) {
    // Then what it has answered fails, as what it ran.
  }
  const bool has_ended = !std::holds_alternative<NotYetEnded>(status.end);
  const bool may_go_on = slot.is_kill_refused && !has_ended;
  // Else it has not taken all of its first task's message out of the link: it was idle, or did not read.
  const bool is_liar = slot.killed_for == KilledFor::failure && slot.ready_since != 0;
  const bool has_begun = slot.stuck_since() == 0 && (slot.window.empty() || !has_ended || is_liar ||
                                                     slot.core().has_peer_taken(slot.window.front().sent_until));
  slot.note_end(status);
  if (slot.window.empty() || !has_begun) {
    queue_.prepend(std::move(slot.window));
    if (slot.is_replaced || is_stopped_) return;
    if (slot.killed_for == KilledFor::failure && slot.cause) return note_failed_start(slot, slot.cause);
    if (status.exception) return note_failed_start(slot, status.exception);
    try {
      throw WorkerDiedError(options_.worker.name, slot.insights.pid, status);
    } catch (...) {
      return note_failed_start(slot, std::current_exception());
    }
  }
  // The first one was running. The others had not begun; of a process that may go on with them that is not known.
  slot.failures = 0;
  failures_ = 0;
  TaskList again;
  bool may_have_begun = true;
  for (TaskList window = std::move(slot.window); !window.empty(); may_have_begun = may_go_on) {
    Task& task = window.front();
    const bool is_dropped = task.is_cancelled() || task.job->drops(task);
    const bool is_retried = task.deaths < task.job->options.max_retries && slot.killed_for != KilledFor::failure &&
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
