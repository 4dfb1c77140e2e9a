// Workers in the place of those that have ended.
#include <algorithm>
#include <utility>

#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

namespace {

/// After so many workers in a row have ended before they could run anything, and none is there that can, the pool gives
/// up.
constexpr std::size_t kMostFailures = 3;
constexpr std::int64_t kFirstRetry = 10'000'000;  // ns; doubled by each failure
constexpr std::int64_t kLastRetry = 1'000'000'000;

}  // namespace

/// Starts one that is missing. Whether there was one: then the lock was let go meanwhile, since a start takes as long
/// as the program's static initialisers, and others may have driven. Only one thread starts workers: the others go on
/// with those that are there.
bool PoolCore::start_missing() noexcept {
  if (is_stopped_ || has_given_up_ || is_launching_) return false;
  const std::int64_t now = os::now_ns();
  const auto at = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) {
    return slot->phase == Slot::Phase::empty && now >= slot->retry_at && !slot->worker().is_alive();
  });
  if (at == slots_.end()) return false;
  Slot& slot = **at;
  const os::NoCancel stays;  // what is half done would stay so
  slot.note_launch();
  is_launching_ = true;
  notify_all();  // somebody else may drive
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
  ring();        // who drives is to wait for this one, too
  notify_all();  // and stop() for nobody any more
  return true;
}

/// A worker that has ended without having run anything.
void PoolCore::note_failed_start(Slot& slot, const std::exception_ptr& cause) noexcept {
  ++slot.failures;
  ++failures_;
  const int doublings = static_cast<int>(std::min<std::size_t>(slot.failures - 1, 10));
  slot.retry_at = os::now_ns() + std::min(kLastRetry, kFirstRetry << doublings);
  const auto can_run = [](const auto& other) { return other->phase == Slot::Phase::ready; };
  if (failures_ >= kMostFailures && std::none_of(slots_.begin(), slots_.end(), can_run)) give_up(cause);
}

}  // namespace coproc::inline v0::detail
