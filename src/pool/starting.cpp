// Starts workers in the places of those that have ended.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <span>
#include <utility>

#include "coproc/backoff.hpp"
#include "coproc/errors.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

namespace {

/// If this many workers have ended in succession before they ran anything, and no worker is ready, the pool is broken.
constexpr std::size_t kMostFailures = 3;
constexpr Backoff kRetries{.first = std::chrono::milliseconds(10),
                           .then = std::chrono::milliseconds(20),
                           .factor = 2,
                           .most = std::chrono::seconds(1),
                           .spread = 0};
/// How many workers are asked for before the first of them is awaited. So many keep all processors of most machines
/// busy, and the descriptors that starts hold meanwhile are few.
constexpr std::size_t kMostAsked = 16;

bool is_shortage(int error_number) noexcept {
  const auto all = {EMFILE, ENFILE, EAGAIN, ENOMEM, ENOBUFS, ETOOMANYREFS};
  return std::find(all.begin(), all.end(), error_number) != all.end();
}

}  // namespace

/// Starts the workers of a new pool, which no other thread uses yet. While the host asks for the next ones, those that
/// it has asked for are made and set up. A start that lacks something is made once more when no other one is under way,
/// since it may be these that hold what it lacked.
void PoolCore::start_all(std::span<const std::unique_ptr<Slot>> slots) {
  std::deque<Slot*> asked, lacking;
  const auto unless_lacking = [&](Slot& slot, auto step) {
    try {
      step();
    } catch (const StartError& error) {
      if (!is_shortage(error.error_number())) throw;
      lacking.push_back(&slot);
    }
  };
  const auto await_first = [&] {
    Slot& slot = *asked.front();
    asked.pop_front();
    unless_lacking(slot, [&] {
      slot.await_start();
      slot.note_started();
    });
  };
  const auto await_all = [&] {
    while (!asked.empty()) await_first();
    for (; !lacking.empty(); lacking.pop_front()) {
      lacking.front()->start();
      lacking.front()->note_started();
    }
  };
  for (const auto& slot : slots) {
    slot->note_launch();
    unless_lacking(*slot, [&] {
      slot->ask_for_start();
      asked.push_back(slot.get());
    });
    if (asked.size() == kMostAsked) await_first();
    if (!lacking.empty()) await_all();
  }
  await_all();
}

/// Starts one worker if a slot is empty. Returns whether it tried; then the mutex was unlocked, and other threads may
/// have driven. A start takes as long as the program's static initialisers. Only one thread starts workers at a time,
/// so that the others go on with the workers that are there.
bool PoolCore::start_missing() noexcept {
  if (is_stopped_ || is_broken_ || is_launching_) return false;
  const std::int64_t now = os::now_ns();
  const auto at = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) {
    return slot->phase == Slot::Phase::empty && now >= slot->retry_at && !slot->worker().is_alive();
  });
  if (at == slots_.end()) return false;
  Slot& slot = **at;
  const os::NoCancel stays;  // or else the slot would stay in its launching phase
  slot.note_launch();
  is_launching_ = true;
  arm_event_loop();  // it must not watch the link of the former worker, which the start destroys
  notify_all();      // another thread may drive meanwhile
  std::exception_ptr error;
  try {
    const os::MutexUnlock unlocked(mutex_);
    slot.start();
  } catch (...) {
    error = std::current_exception();
  }
  is_launching_ = false;
  try {
    if (error == nullptr) slot.note_started();
  } catch (...) {
    error = std::current_exception();
  }
  if (error != nullptr) {
    slot.note_not_started();
    note_failed_start(slot, error);
  }
  wake_driver();  // the driver has to wait for this worker, too
  notify_all();   // stop() waits until no worker is being started
  return true;
}

/// Records that a worker has ended, or could not be started, before it ran anything. The next start of this slot is
/// delayed, the longer the more failures it had.
void PoolCore::note_failed_start(Slot& slot, const std::exception_ptr& cause) noexcept {
  slot.retry_at = os::now_ns() + kRetries.delay(slot.failures++).count();
  ++failures_;
  const auto can_run = [](const auto& other) { return other->phase == Slot::Phase::ready; };
  if (failures_ >= kMostFailures && std::none_of(slots_.begin(), slots_.end(), can_run)) break_pool(cause);
}

}  // namespace coproc::inline v0::detail
