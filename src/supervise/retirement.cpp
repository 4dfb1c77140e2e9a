// How a worker makes place: when it is told to, and how its end is waited for.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

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
  if (!recycling_.is_due(now, core.next_request_id(), memory) || is_final() || !worker_.is_alive()) return;
  try {
    core.retire_peer();
    retires_since_ = now;
  } catch (const Error&) {
    // There is no room now, or the call that follows meets the same error.
  }
}

/// How long it may still take, in ns; not more than 0: it has to be stopped.
std::int64_t Supervision::State::grace_left() const noexcept {
  return *retires_since_ + std::min(recycling_.grace(), kNever - *retires_since_) - os::now_ns();
}

std::chrono::nanoseconds Supervision::State::watch(Core& core) {
  const std::chrono::nanoseconds next = watch_.look(worker_, core);
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
