#include "pool/slot.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "os/clock.hpp"
#include "os/signals.hpp"
#include "pool/pool_worker.hpp"
#include "pool/protocol.hpp"

namespace coproc::inline v0::pool {

using detail::MessengerAccess;

namespace {

/// An idle worker that takes nothing for so long hangs.
constexpr std::chrono::seconds kReadsWithin{10};

}  // namespace

void Slot::start() {
  started_at_ = os::now_ns();
  worker_->start();
  phase = Phase::starting;
  told_.clear();
  next_serial_ = 1;
  skips_.clear();
  given = 0;
  killed_for = KilledFor::nothing;
  lie = nullptr;
  kill_at = kNever;
  is_too_large = false;
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
  MessengerAccess::core(messenger())->begin_batch();
  is_batching_ = true;
}

void Slot::end_batch() noexcept {
  if (!is_batching_) return;
  is_batching_ = false;
  MessengerAccess::core(messenger())->end_batch();
}

bool Slot::send(const detail::Outgoing& out, bool may_wait) {
  detail::Core& core = *MessengerAccess::core(messenger());
  if (!may_wait) return core.try_send(out, {}, {});
  core.send({link::FrameKind::message}, out, {}, {.timeout = kReadsWithin});
  return true;
}

bool Slot::define(const detail::PoolFunction& function) {
  const process::CodeRef run = name_function(reinterpret_cast<process::Function>(function.code.run), "task");
  const process::CodeRef called = name_function(function.code.function, "task");
  const auto put = [&](Encoder& encoder) {
    encode(encoder, ToWorker::function);
    encode(encoder, function.number);
    encode(encoder, run);
    encode(encoder, called);
  };
  if (!send(message<MessageToPoolWorker>(put, kTaskPriority), window.empty())) return false;
  if (told_.size() <= function.number) told_.resize(function.number + 1);
  told_[function.number] = true;
  return true;
}

bool Slot::send(std::vector<TaskPtr>& tasks) {
  const detail::Job& job = *tasks.front()->job;
  const detail::PoolFunction& function = job.function;
  // A fork has one, which it knows.
  const bool is_told = function.code.run == nullptr || (function.number < told_.size() && told_[function.number]);
  if (!is_told && !define(function)) return false;
  const auto put = [&](Encoder& encoder) {
    encode(encoder, ToWorker::tasks);
    encode(encoder, function.number);
    encode(encoder, next_serial_);
    encode(encoder, static_cast<std::uint32_t>(tasks.size()));
    encode(encoder, static_cast<std::int64_t>(job.options.time_limit.ns.count()));
    for (const TaskPtr& task : tasks) task->encode(encoder);
  };
  if (!send(message<MessageToPoolWorker>(put, kTaskPriority), window.empty())) return false;
  if (window.empty()) head_since = os::now_ns();
  for (TaskPtr& task : tasks) {
    task->serial = next_serial_++;
    window.push_back(std::move(task));
  }
  given += tasks.size();
  return true;
}

void Slot::end_task(std::uint64_t serial) { os::queue_signal(insights.pid, cancel_signal(), serial); }

void Slot::skip(std::uint64_t serial) {
  if (!skips_.empty() && skips_.back().last + 1 == serial) {
    skips_.back().last = serial;
  } else {
    skips_.push_back({serial, serial});
  }
}

void Slot::send_skips() {
  while (!skips_.empty() && phase == Phase::ready) {
    const auto put = [&](Encoder& encoder) {
      encode(encoder, ToWorker::skip);
      encode(encoder, skips_.back());
    };
    if (!send(message<MessageToPoolWorker>(put, kSkipPriority), false)) return;
    skips_.pop_back();
  }
}

void Slot::kill(KilledFor why) {
  if (killed_for == KilledFor::nothing) killed_for = why;
  worker().kill();
  if (worker().join_for(kReadsWithin)) kill_at = kNever;
}

void Slot::note_end(const ExitStatus& status) {
  if (phase == Phase::ready || phase == Phase::closing) {
    insights.wait_time += std::chrono::nanoseconds(os::now_ns() - ready_since);
  }
  insights.peak_memory_bytes =
      std::max(insights.peak_memory_bytes, static_cast<std::size_t>(status.resources.peak_memory_kib) * 1024);
  phase = Phase::empty;
  kill_at = kNever;
  is_batching_ = false;
}

}  // namespace coproc::inline v0::pool
