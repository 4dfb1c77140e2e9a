#include "messenger/call_guard.hpp"

#include "coproc/errors.hpp"

namespace coproc::inline v0::detail {

/// Called by a CallGuard if the messenger is in use or belongs to another process. Returns when the guard has the
/// messenger; if it throws, the call has changed nothing. `is_taken`: whether the guard has set `in_use_`.
void Core::wait_for_turn(bool is_taken) {
  if (!link_->is_own_process()) {
    if (is_taken)
      in_use_.store(kFree, std::memory_order_relaxed);  // relaxed: a forked child's copy, which no call can use
    throw NotOwnerError("this messenger (to " + options_.peer.name +
                        ") belongs to the process that this one was forked from: make links of your own here");
  }
  for (;;) {
    std::uint32_t expected = kFree;
    if (in_use_.compare_exchange_weak(expected, kOwnersCall, std::memory_order_acquire)) return;
    if (expected == kOwnersCall) {
      throw ConcurrentUseError(
          "two threads use the messenger to " + options_.peer.name +
          " at the same time (or a codec uses it while it is called by it): give each thread its own");
    }
    // Another thread is in try_drain(), which does not wait: it ends soon.
  }
}

}  // namespace coproc::inline v0::detail
