// How a worker makes place: when it is told to, and how its end is waited for.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "os/clock.hpp"
#include "supervise/supervision.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::detail {

namespace {

/// A wait for its end looks so often whether it was interrupted.
constexpr std::chrono::milliseconds kSlice(20);
/// A wait for something else looks so often how far the start of the next worker has come.
constexpr std::chrono::milliseconds kLooksAtStartEvery(1);
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

/// Whether the worker makes place. If the user has told it the end as well, or has asked it to close, that holds: it is
/// not replaced.
bool Supervision::State::is_retiring() noexcept {
  if (retires_since_ && !end_ && !MessengerAccess::core(messenger_)->retires_peer()) retires_since_.reset();
  return retires_since_.has_value();
}

/// If it is time for the worker to make place, it is told that nothing more will be sent. Its end follows when it has
/// answered everything: a receive finds it, and a send waits for it.
void Supervision::State::before_call() {
  if (!recycling_.is_wanted()) return;
  Core& core = *MessengerAccess::core(messenger_);
  if (is_driving_ || retires_since_ || end_ || start_ == nullptr || !core.may_retire_peer()) return;
  const std::int64_t now = os::now_ns();
  const auto memory = [&]() noexcept { return WorkerAccess::memory_of(worker_).now; };
  const bool is_due = is_next_asked() || recycling_.is_due(now, core.next_request_id(), memory);
  if (!is_due || is_final() || !worker_.is_alive()) return;
  if (recycling_.overlaps() && !is_next_ready()) return;
  try {
    core.retire_peer();
    retires_since_ = now;
  } catch (const Error&) {
    // There is no room now, or the call that follows meets the same error.
  }
}

/// Asks for the next worker, and looks how far its start has come. Returns whether it runs; also if it is to be started
/// only when the present one has ended.
bool Supervision::State::is_next_ready() {
  if (states_.state() != nullptr || MessengerAccess::core(messenger_)->has_saved_state()) return true;
  if (!begin_start()) return true;  // without the mutex, since this encodes what the user gives
  const struct Starting {
    State& state;
    ~Starting() { state.end_start(); }
  } starting{*this};
  try {
    if (is_next_asked()) return WorkerAccess::is_next_started(worker_);
    const bool is_asked = WorkerAccess::ask_for_next(worker_, start_);
    const os::MutexLock lock(mutex_);
    is_next_asked_ = is_asked;
    return !is_asked;
  } catch (const StartError&) {
    give_up_next();  // the start that follows the end of the present one may fail like it, and is noted
    return true;
  }
}

bool Supervision::State::is_next_asked() const {
  const os::MutexLock lock(mutex_);
  return is_next_asked_;
}

/// Whether the worker that was asked for becomes the present one. It does not if it lacks a state.
bool Supervision::State::takes_next() {
  const os::MutexLock lock(mutex_);
  return std::exchange(is_next_asked_, false) && states_.state() == nullptr;
}

void Supervision::State::drop_next() {
  if (std::exchange(is_next_asked_, false)) worker_.cancel_start();
}

/// How long it may still take, in ns; not more than 0: it has to be stopped.
std::int64_t Supervision::State::grace_left() const noexcept {
  return *retires_since_ + std::min(recycling_.grace(), kNever - *retires_since_) - os::now_ns();
}

std::chrono::nanoseconds Supervision::State::watch(Core& core) {
  std::chrono::nanoseconds next = watch_.look(worker_, core);
  if (is_next_asked() && !is_next_ready()) next = std::min<std::chrono::nanoseconds>(next, kLooksAtStartEvery);
  if (!is_retiring() || !worker_.is_alive()) return next;
  if (const std::int64_t left = grace_left(); left > 0) return std::min(next, std::chrono::nanoseconds(left));
  is_over_grace_ = true;
  (void)worker_.stop();
  return std::chrono::nanoseconds(kSlice);
}

/// Waits until the worker has made place. Returns false if the deadline has passed before.
bool Supervision::State::await_retired(const os::Deadline& deadline) {
  for (;;) {
    const std::int64_t left = grace_left();
    if (left <= 0) {
      is_over_grace_ = true;
      (void)worker_.stop();
      break;
    }
    try {
      (void)MessengerAccess::core(messenger_)->look_after_peer();  // it may hang
    } catch (const WorkerDiedError&) {
      break;
    }
    const auto slice = std::min<std::chrono::nanoseconds>(kSlice, deadline.remaining());
    if (worker_.join_for(std::min(slice, std::chrono::nanoseconds(left)))) break;
    if (deadline.passed()) return false;
    MessengerAccess::core(messenger_)->throw_if_interrupted();
  }
  MessengerAccess::core(messenger_)->note_peer_gone();
  return true;
}

}  // namespace coproc::inline v0::detail
