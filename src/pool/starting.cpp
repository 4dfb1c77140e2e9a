// Starts workers in the places of those that have ended.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <span>
#include <utility>

#include "coproc/errors.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "os/random.hpp"
#include "pool/talk.hpp"
#include "remote/trunk.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::detail {

namespace {

/// If this many workers have ended in succession before they ran anything, and no worker is ready, the pool is broken.
constexpr std::size_t kMostFailures = 3;
/// How many workers are asked for before the first of them is awaited. So many keep all processors of most machines
/// busy, and the descriptors that starts hold meanwhile are few.
constexpr std::size_t kMostAsked = 16;
/// How many launches are under way at the same time. More than 10 at once are refused by an sshd as it comes.
constexpr std::size_t kMostLaunches = 8;

bool is_shortage(int error_number) noexcept {
  const auto all = {EMFILE, ENFILE, EAGAIN, ENOMEM, ENOBUFS, ETOOMANYREFS};
  return std::find(all.begin(), all.end(), error_number) != all.end();
}

/// Begins with the launches for these workers whose machines have none.
void launch_machines(std::span<const std::unique_ptr<pool::Slot>> slots) {
  for (const auto& slot : slots) {
    remote::Trunk* const trunk = WorkerAccess::trunk_of(slot->worker());
    if (trunk == nullptr || !trunk->has_to_be_launched()) continue;
    WorkerAccess::launch_trunk(slot->worker(), [&] { slot->start(); });
  }
}

}  // namespace

/// Starts the workers of a new pool, which no other thread uses yet. While the host asks for the next ones, those that
/// it has asked for are made and set up. A start that lacks something is made once more when no other one is under way,
/// since it may be these that hold what it lacked. On other machines a worker has been started when it was asked for,
/// and the machines of the next ones are launched meanwhile.
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
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto& slot = slots[i];
    slot->note_launch();
    unless_lacking(*slot, [&] {
      launch_machines(slots.subspan(i, std::min(kMostLaunches, slots.size() - i)));
      slot->ask_for_start(Slot::Asked::forks);
      asked.push_back(slot.get());
    });
    if (asked.size() == kMostAsked) await_first();
    if (!lacking.empty()) await_all();
  }
  await_all();
}

/// Whether the places of workers that have ended are filled. When the pool broke, tasks that were just being sent may
/// have come back to the queue.
bool PoolCore::wants_workers() const noexcept { return !is_broken_ || !queue_.empty(); }

/// Returns the slot whose start was asked for, or whose worker is to be started now; null if there is none. Only one
/// thread starts workers at a time, so that the others go on with the workers that are there.
PoolCore::Slot* PoolCore::slot_to_start() const noexcept {
  if (is_stopped_ || is_launching_) return nullptr;
  if (asked_ != nullptr || !wants_workers()) return asked_;
  const std::int64_t now = os::now_ns();
  const auto at = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) {
    return slot->phase == Slot::Phase::empty && now >= slot->retry_at && !slot->worker().is_alive();
  });
  return at == slots_.end() ? nullptr : at->get();
}

/// Starts one worker if a slot is empty, or waits for the one that was asked for. Returns whether it tried; then the
/// mutex was unlocked, and other threads may have driven. A start takes as long as the program's static initialisers.
bool PoolCore::start_missing() noexcept {
  Slot* const slot = slot_to_start();
  if (slot == nullptr) return false;
  const bool is_asked = slot == std::exchange(asked_, nullptr);
  launch(*slot, [slot, is_asked] {
    if (is_asked) {
      slot->await_start();
    } else {
      slot->start();
    }
    return true;
  });
  return true;
}

/// Asks for one worker if a slot is empty, or goes on with the start that was asked for, as far as that needs no wait.
void PoolCore::start_missing_without_waiting() noexcept {
  Slot* const slot = slot_to_start();
  if (slot == nullptr) return;
  const bool is_asked = slot == std::exchange(asked_, nullptr);
  launch(*slot, [slot, is_asked] {
    if (!is_asked) slot->ask_for_start(Slot::Asked::all);
    return slot->await_start(std::chrono::nanoseconds(0));
  });
}

/// Takes a step of a start with the mutex unlocked. The step returns whether the worker has started.
template <class Step>
void PoolCore::launch(Slot& slot, const Step& step) noexcept {
  const os::NoCancel stays;  // or else the slot would stay in its launching phase
  if (slot.phase != Slot::Phase::launching) slot.note_launch();
  is_launching_ = true;
  arm_event_loop();  // it must not watch the link of the former worker, which the start destroys
  notify_all();      // another thread may drive meanwhile
  std::exception_ptr error;
  bool is_over = true;
  try {
    const os::MutexUnlock unlocked(mutex_);
    is_over = step();
  } catch (...) {
    error = std::current_exception();
  }
  is_launching_ = false;
  if (!is_over) {
    asked_ = &slot;
  } else {
    try {
      if (error == nullptr) slot.note_started();
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (error != nullptr) {
    slot.note_not_started();
    note_failed_start(slot, error);
    try {
      count_end(text_of(error), error);
    } catch (const std::exception&) {
      // There is no memory. It is not counted.
    }
  }
  wake_driver();  // the driver has to wait for this worker, too
  notify_all();   // stop() waits until no worker is being started
}

/// The next start of this slot is delayed, the longer the more workers of it ended before they ran anything.
void PoolCore::delay_start(Slot& slot) noexcept {
  const Backoff& backoff = options_.restart.backoff;
  const double chance = backoff.spread == 0 ? 0 : os::random_share();
  slot.retry_at = pool::after(os::now_ns(), backoff.delay(slot.failures++, chance));
}

/// Counts a worker that has ended, or could not be started. If that is one too often, the tasks in the queue fail.
/// Those that other workers have go on. Throws std::bad_alloc; then it is not counted.
void PoolCore::count_end(const std::string& text, const std::exception_ptr& cause) {
  const auto too_often = restarts_.note(os::now_ns(), text);
  if (!too_often) return;
  note_broken();
  fail_all(std::move(queue_), std::make_exception_ptr(PoolBrokenError(*too_often, cause)));
}

/// Records that a worker has ended, or could not be started, before it could run anything.
void PoolCore::note_failed_start(Slot& slot, const std::exception_ptr& cause) noexcept {
  delay_start(slot);
  ++failures_;
  const auto can_run = [](const auto& other) { return other->phase == Slot::Phase::ready; };
  if (failures_ >= kMostFailures && std::none_of(slots_.begin(), slots_.end(), can_run)) break_pool(cause);
}

}  // namespace coproc::inline v0::detail
