// Takes in the answers of workers. Each answer is checked completely before it changes anything.
#include <algorithm>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "coproc/detail/message_access.hpp"
#include "coproc/errors.hpp"
#include "messenger/error_table.hpp"
#include "os/clock.hpp"
#include "pool/protocol.hpp"
#include "pool/talk.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::detail {

using pool::Outcome;
using pool::ResultHead;
using pool::ToHost;

namespace {

constexpr std::size_t kSlowestKept = 10;
constexpr std::size_t kMostReserved = 64 * 1024;  // bytes

[[noreturn]] void throw_protocol_error(const pool::Slot& slot, const std::string& what) {
  throw ProtocolError("pool worker " + std::to_string(slot.insights.pid) + " has " + what);
}

}  // namespace

/// Takes in the answers that have arrived, unless too many results are unread. Returns whether any had arrived.
bool PoolCore::collect(Slot& slot) noexcept { return slot.is_open() && may_take_from(slot) && take_all(slot); }

/// Takes in all answers that have arrived, and sends more of a task that is sent in pieces. Returns whether anything
/// was done.
bool PoolCore::take_all(Slot& slot) noexcept {
  const bool has_come = talk(slot, [&]() COPROC_REQUIRES(mutex_) {
    bool any = slot.send_rest();
    if (!take_block(slot, any)) {
      for (Message& message : slot.messenger().receive_available()) {
        take(slot, std::move(message));
        any = true;
      }
    }
    if (slot.core().queued() != 0) throw_protocol_error(slot, "sent messages on a channel, which no pool worker does");
    if (any && slot.recycling.is_wanted()) replace_if_used_up(slot);
    return any;
  });
  try {
    split_off_answered(slot);
  } catch (const std::bad_alloc&) {
    // They are split off later, together with the answers that follow.
  }
  if (has_come) slot.received_at = os::now_ns();
  return has_come;
}

/// Call for a slot that has woken the driver: takes in its answers, or else the error that has woken it.
void PoolCore::collect_woken(Slot& slot) noexcept {
  if (!slot.is_open() || collect(slot) || !slot.is_open()) return;
  talk(slot, [&]() COPROC_REQUIRES(mutex_) {
    auto message = slot.messenger().receive_for(std::chrono::seconds(0));
    if (message) take(slot, *std::move(message));
    return message.has_value();
  });
}

/// One message of a worker.
struct PoolCore::Answer {
  std::span<const std::byte> payload;
  std::size_t max_allocation;
  std::int64_t now;
  Message* message;  // null if the message was taken out in a block, and consists only of its payload
};

/// Takes all small messages at the front of the link out by one copy. Returns false if the messages behind them, if
/// any, have to be received one by one. Sets `any` if it took one.
bool PoolCore::take_block(Slot& slot, bool& any) {
  slot.block.clear();
  const bool is_all = slot.core().receive_block(type_info<pool::MessageFromPoolWorker>, slot.block);
  const std::size_t max_allocation = options_.worker.link.max_message_bytes;
  const std::int64_t now = os::now_ns();
  for (auto rest = std::as_const(slot.block).span(); !rest.empty();) {
    std::uint32_t size = 0;
    std::memcpy(&size, rest.data(), sizeof size);
    any = true;
    take_answer(slot, {rest.subspan(sizeof size, size), max_allocation, now, nullptr});
    rest = rest.subspan(sizeof size + size);
  }
  return is_all;
}

void PoolCore::take(Slot& slot, Message&& message) {
  if (!message.holds<pool::MessageFromPoolWorker>() || message.request_id() || message.is_reply()) {
    throw_protocol_error(slot,
                         "sent a message of type " + std::string(message.type_name()) + ", which no pool worker sends");
  }
  take_answer(slot, {MessageAccess::payload(message), MessageAccess::max_allocation(message), os::now_ns(), &message});
}

void PoolCore::take_answer(Slot& slot, const Answer& answer) {
  Decoder from(answer.payload, answer.max_allocation);
  switch (decode<ToHost>(from)) {
    case ToHost::ready:
      if (slot.phase != Slot::Phase::starting) break;
      return slot.note_ready();
    case ToHost::result:
      const auto head = decode<ResultHead>(from);
      return take_result(slot, answer, head, answer.payload.last(from.remaining()));
  }
  throw_protocol_error(slot, "sent what no pool worker sends");
}

/// Takes in the answer of a call. The call stays in the window until the whole answer has been checked.
void PoolCore::take_result(Slot& slot, const Answer& answer, const ResultHead& head,
                           std::span<const std::byte> result) {
  const bool is_running = !slot.window.empty() &&
                          slot.window.front().serial + slot.window.front().answered == head.serial &&
                          head.outcome <= Outcome::skipped && !slot.core().has_rest();
  if (!is_running)
    throw_protocol_error(slot, "sent the result of task " + std::to_string(head.serial) + ", which it was not running");
  Task& task = slot.window.front();
  if (head.outcome == Outcome::skipped) {
    if (!task.is_skip_requested) throw_protocol_error(slot, "skipped a task which it was to run");
    split_off_answered(slot);
    return finish(nullptr, slot.take_front(1, answer.now));
  }
  if (!slot.can_have_worked(head.work_ns, answer.now)) {
    throw_protocol_error(slot,
                         "stated that a task took " + std::to_string(head.work_ns) + " ns, longer than it was there");
  }
  if (head.outcome == Outcome::value && answer.message == nullptr) {
    const auto size = static_cast<std::uint32_t>(result.size());
    // The results of a stretch usually have one size. kMostReserved bounds the cost of a first one that is larger.
    if (task.answered == 0) task.results.reserve(std::min(task.calls * (sizeof size + result.size()), kMostReserved));
    task.results.append(&size, sizeof size);
    task.results.append(result.data(), result.size());
    note_time(slot, task, head.work_ns);
    slot.head_since = answer.now;
    if (++task.answered == task.calls) finish(&slot, slot.take_front(answer.now));
    return;
  }
  split_off_answered(slot);
  std::exception_ptr error;
  if (head.outcome == Outcome::error) {
    const RemoteOrigin origin(options_.worker.name, slot.insights.pid, task.index);
    try {
      error = decode_error_payload(result, answer.max_allocation, origin).error;
    } catch (...) {
      error = std::current_exception();
    }
  }
  note_time(slot, task, head.work_ns);
  TaskPtr one = slot.take_front(1, answer.now);
  if (error) {
    one->error = std::move(error);
    one->held_bytes = 4 * result.size();  // the error holds the name of the type and the text, and what() repeats both
  } else {
    one->result.emplace(std::move(*answer.message));
  }
  finish(&slot, std::move(one));
}

/// Hands the answered calls of the running stretch to their reader. If it throws std::bad_alloc, nothing has changed.
void PoolCore::split_off_answered(Slot& slot) {
  if (slot.window.empty()) return;
  if (const std::size_t answered = slot.window.front().answered; answered != 0)
    finish(&slot, slot.take_front(answered, slot.head_since));
}

/// Records the time of a call that has ended, for the insights and for the sizes of windows and chunks.
void PoolCore::note_time(Slot& slot, const Task& task, std::uint64_t work_ns) noexcept {
  slot.failures = 0;
  failures_ = 0;
  slot.note_work(work_ns);
  std::uint64_t& average = task.job->function->task_ns;
  const std::uint64_t time = std::max<std::uint64_t>(1, work_ns);
  average = average == 0 ? time : average - average / 8 + time / 8;
  const SlowTask slow{task.index + task.answered, slot.insights.pid, std::chrono::nanoseconds(work_ns)};
  if (slowest_.size() == kSlowestKept && slow.time <= slowest_.back().time) return;
  const auto is_slower = [](const SlowTask& a, const SlowTask& b) { return a.time > b.time; };
  // The memory is reserved, so that this allocates nothing.
  slowest_.insert(std::upper_bound(slowest_.begin(), slowest_.end(), slow, is_slower), slow);
  if (slowest_.size() > kSlowestKept) slowest_.pop_back();
}

/// If it is time for the worker to make place, it gets no further task, and is asked to close once it has none. One
/// that has run nothing is not replaced while tasks wait, or else none might ever run.
void PoolCore::replace_if_used_up(Slot& slot) {
  if (slot.phase != Slot::Phase::ready) return;
  const std::int64_t now = os::now_ns();
  if (!slot.is_used_up && (slot.given != 0 || queue_.empty())) {
    const auto memory = [&]() noexcept { return WorkerAccess::memory_of(slot.worker()).now; };
    slot.is_used_up = slot.recycling.is_due(now, slot.given, memory);
  }
  if (!slot.is_used_up || !slot.window.empty()) return;
  slot.messenger().send_close_request();
  slot.phase = Slot::Phase::closing;
  slot.is_replaced = true;
  slot.kill_at = pool::after(now, std::chrono::nanoseconds(slot.recycling.grace()));
}

/// Asks workers to close that are due for it without having answered anything just now.
void PoolCore::replace_used_up() noexcept {
  for (const auto& slot : slots_) {
    if (slot->phase != Slot::Phase::ready || !slot->recycling.is_wanted()) continue;
    talk(*slot, [&]() COPROC_REQUIRES(mutex_) {
      replace_if_used_up(*slot);
      return false;
    });
  }
}

}  // namespace coproc::inline v0::detail
