// Workers that hang: they are found in a round, and ended by a thread that does not hold the mutex, since that takes up
// to a second and more.
#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

/// Looks at those workers that are due for it. Returns whether any hangs.
bool PoolCore::find_hung() noexcept {
  bool any = false;
  if (!watches_) return any;
  const std::int64_t now = os::now_ns();
  for (const auto& slot : slots_) {
    if (!slot->is_watched() || now < slot->watch.due()) continue;
    try {
      const supervise::InHand in_hand = slot->in_hand(!may_take_from(*slot));
      slot->hang = slot->watch.find_hang(slot->worker(), slot->core(), in_hand);
    } catch (const std::exception&) {
      continue;  // the next look tries again
    }
    if (!slot->hang) continue;
    slot->phase = Slot::Phase::hanging;
    any = true;
  }
  return any;
}

/// Ends one of the workers that hang. Returns whether there was one; then the mutex was unlocked, and other threads may
/// have driven. Throws what the wait hook throws; then the worker is killed all the same.
/// REQUIRES: this thread does not drive.
bool PoolCore::end_hung() {
  if (!watches_ || is_stopped_) return false;
  const auto at = std::ranges::find_if(slots_, [](const auto& slot) { return slot->hang.has_value(); });
  if (at == slots_.end()) return false;
  Slot& slot = **at;
  Hang hang = *std::exchange(slot.hang, std::nullopt);
  const os::NoCancel stays;  // or else the slot would stay in its phase
  ++ending_hung_;
  arm_event_loop();  // it must not watch the link meanwhile
  notify_all();      // another thread may drive meanwhile
  std::exception_ptr error;
  try {
    const os::MutexUnlock unlocked(mutex_);
    slot.watch.end(slot.worker(), std::move(hang));
  } catch (...) {
    error = std::current_exception();
  }
  --ending_hung_;
  if (slot.worker().is_alive()) {
    slot.kill(pool::KilledFor::too_slow);
  } else {
    slot.await_end({}, nullptr);
  }
  take_end(slot);
  wake_driver();  // it has to wait for the next worker, and no longer for this one
  notify_all();   // stop() waits for this
  if (error) std::rethrow_exception(error);
  return true;
}

}  // namespace coproc::inline v0::detail
