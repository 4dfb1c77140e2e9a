#include "pool/slot.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "os/clock.hpp"
#include "os/random.hpp"
#include "pool/protocol.hpp"
#include "pool/task_runner.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::pool {

using detail::MessengerAccess;
using detail::WorkerAccess;

namespace {

/// An expected end is checked for at growing intervals. The first one is about what a killed process needs to end.
constexpr std::int64_t kFirstLook = 100'000;  // ns; doubled by each look
constexpr std::int64_t kLastLook = 10'000'000;
/// How much two readings of the clock by different processes may differ.
constexpr std::int64_t kClockSlack = 10'000'000;

}  // namespace

detail::Core& Slot::core() { return *MessengerAccess::core(messenger()); }

void Slot::note_launch() noexcept {
  started_at_ = os::now_ns();
  phase = Phase::launching;
}

void Slot::ask_for_start(Asked which) {
  WorkerAccess::ask_for_start(worker(), which == Asked::all, [this] { worker_->start(); });
}

bool Slot::await_start(Timeout time) { return worker().await_start(time); }

void Slot::note_started() {
  phase = Phase::starting;
  known_.clear();
  may_forget = false;
  next_serial_ = 1;
  has_skips_ = false;
  given = 0;
  killed_for = KilledFor::nothing;
  killed_at_task = 0;
  is_kill_refused = false;
  cause = nullptr;
  kill_at = kNever;
  give_up_at = kNever;
  fenced_at = 0;
  look_at = 0;
  look_interval_ = 0;
  stuck_since_ = 0;
  stated_work_ns_ = 0;
  is_used_up = false;
  if (recycling.is_wanted()) recycling.note_start(started_at_, 0, os::random_share());
  watch.begin();
  hang.reset();
  is_replaced = false;
  received_at = 0;
  ready_since = 0;
  insights.pid = worker().pid();
  ++insights.starts;
}

void Slot::note_ready() noexcept {
  phase = Phase::ready;
  ready_since = os::now_ns();
  insights.start_time += std::chrono::nanoseconds(ready_since - started_at_);
}

void Slot::batch() {
  if (is_batching_) return;
  core().begin_batch();
  is_batching_ = true;
}

void Slot::end_batch() noexcept {
  if (!is_batching_) return;
  is_batching_ = false;
  core().end_batch();
}

// ---- sending ----

bool Slot::send_message(const detail::Outgoing& out) {
  detail::Core& to = core();
  if (to.has_rest()) return false;
  batch();
  const bool is_sent = window.empty() ? to.begin_send(out) : to.try_send(out, {}, {});
  const bool is_stuck = window.empty() && (!is_sent || to.has_rest());
  if (!is_stuck) {
    stuck_since_ = 0;
  } else if (is_sent || stuck_since_ == 0) {
    stuck_since_ = os::now_ns();
  }
  return is_sent;
}

bool Slot::send_forgets() {
  std::vector<std::uint32_t> destroyed;
  for (const auto& [known, function] : known_) {
    if (function.expired()) destroyed.push_back(known);
  }
  const auto put = [&](Encoder& encoder) {
    encode(encoder, ToWorker::forget);
    encode(encoder, destroyed);
  };
  if (!destroyed.empty() && !send_message(message<MessageToPoolWorker>(put, kTaskPriority))) return false;
  for (const std::uint32_t known : destroyed) known_.erase(known);
  may_forget = false;
  return true;
}

bool Slot::define(const std::shared_ptr<detail::PoolFunction>& function) {
  if (may_forget && !send_forgets()) return false;
  const process::CodeRef run = name_function(reinterpret_cast<process::Function>(function->code.run), "task");
  const process::CodeRef called = name_function(function->code.function, "task");
  const auto put = [&](Encoder& encoder) {
    encode(encoder, ToWorker::function);
    encode(encoder, function->number);
    encode(encoder, run);
    encode(encoder, called);
    encode(encoder, function->data);
  };
  if (!send_message(message<MessageToPoolWorker>(put, kTaskPriority))) return false;
  known_.insert_or_assign(function->number, function);
  return true;
}

bool Slot::send_tasks(TaskList& tasks) {
  const detail::Job& job = *tasks.front().job;
  const detail::PoolFunction& function = *job.function;
  // A fork of a LazyPool has its only function already.
  const bool is_of_fork = function.code.run == nullptr && function.data.empty();
  if (!is_of_fork && !known_.contains(function.number) && !define(job.function)) return false;
  const auto put = [&](Encoder& encoder) {
    encode(encoder, ToWorker::tasks);
    encode(encoder, function.number);
    encode(encoder, next_serial_);
    encode(encoder, static_cast<std::uint32_t>(tasks.calls()));
    encode(encoder, static_cast<std::int64_t>(job.options.time_limit.ns.count()));
    for (const Task& task : tasks) task.encode(encoder);
  };
  if (!send_message(message<MessageToPoolWorker>(put, kTaskPriority))) return false;
  if (window.empty()) head_since = os::now_ns();
  given += tasks.calls();
  const std::uint64_t end = core().sent_until();
  for (Task& task : tasks) {
    task.serial = std::exchange(next_serial_, next_serial_ + task.calls);
    task.sent_until = end;
  }
  window.append(std::move(tasks));
  return true;
}

bool Slot::send_rest() {
  detail::Core& to = core();
  if (!to.has_rest()) return false;
  const bool has_moved = to.send_rest();
  if (!has_moved) return false;
  const std::int64_t now = os::now_ns();
  stuck_since_ = to.has_rest() ? now : 0;
  head_since = now;  // the worker cannot have begun before
  return true;
}

void Slot::end_task(std::uint64_t serial) { WorkerAccess::queue_signal(worker(), cancel_signal(), serial); }

void Slot::skip(Task& task) noexcept {
  task.is_skip_requested = true;
  has_skips_ = true;
}

void Slot::send_skips() {
  if (!has_skips_ || phase != Phase::ready) return;
  const auto is_next = [](const Task& task) { return task.is_skip_requested && !task.is_skip_sent; };
  for (auto at = window.begin(); at != window.end();) {
    const auto begin = at;
    Serials range{(*begin).serial, (*begin).serial};
    for (; at != window.end() && is_next(*at); ++at) range.last = (*at).serial + (*at).calls - 1;
    if (at == begin) {
      ++at;
      continue;
    }
    const auto put = [&](Encoder& encoder) {
      encode(encoder, ToWorker::skip);
      encode(encoder, range);
    };
    if (!send_message(message<MessageToPoolWorker>(put, kSkipPriority))) return;
    for (auto sent = begin; sent != at; ++sent) (*sent).is_skip_sent = true;
  }
  has_skips_ = false;
}

TaskPtr Slot::take_front(std::int64_t now) noexcept {
  head_since = now;
  return window.pop_front();
}

TaskPtr Slot::take_front(std::size_t calls, std::int64_t now) {
  head_since = now;
  return window.pop_front(calls);
}

// ---- ending ----

supervise::InHand Slot::in_hand(bool is_unread) {
  if (window.empty() || core().has_rest()) return {.is_unread = is_unread};  // it cannot have begun a task
  return {.task = window.front().serial + window.front().answered, .is_unread = is_unread};
}

void Slot::await_end(std::chrono::nanoseconds time, std::exception_ptr why) noexcept {
  if (phase == Phase::ending) return;
  phase = Phase::ending;
  cause = std::move(why);
  look_at = 0;
  look_interval_ = 0;
  kill_at = after(os::now_ns(), time);
}

void Slot::kill(KilledFor why, std::exception_ptr what_was_wrong) noexcept {
  if (killed_for == KilledFor::nothing) {
    killed_for = why;
    killed_at_task = window.empty() ? 0 : window.front().serial;
    if (what_was_wrong) cause = std::move(what_was_wrong);
  }
  phase = Phase::ending;
  kill_at = kNever;
  look_at = 0;
  look_interval_ = 0;
  is_kill_refused = !WorkerAccess::kill(worker());
}

bool Slot::is_look_due(std::int64_t now) noexcept {
  if (now < look_at) return false;
  look_interval_ = std::clamp(look_interval_ * 2, kFirstLook, kLastLook);
  look_at = now + look_interval_;
  return true;
}

void Slot::note_end(const ExitStatus& status) noexcept {
  if (ready_since != 0) insights.wait_time += std::chrono::nanoseconds(os::now_ns() - ready_since);
  insights.peak_memory_bytes =
      std::max(insights.peak_memory_bytes, static_cast<std::size_t>(status.resources.peak_memory_kib) * 1024);
  phase = Phase::empty;
  ready_since = 0;
  kill_at = kNever;
  give_up_at = kNever;
  stuck_since_ = 0;
  is_batching_ = false;
}

// ---- its clock ----

bool Slot::can_have_worked(std::uint64_t work_ns, std::int64_t now) const noexcept {
  const auto most = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now - ready_since) + kClockSlack);
  return work_ns <= most && stated_work_ns_ <= most - work_ns;
}

void Slot::note_work(std::uint64_t work_ns) noexcept {
  stated_work_ns_ += work_ns;
  insights.work_time += std::chrono::nanoseconds(work_ns);
}

}  // namespace coproc::inline v0::pool
