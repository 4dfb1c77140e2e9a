// One call at a time: what each call of a messenger holds while it lasts.
//
// Thread safety: any thread may try. Whoever gets `in_use_` has the core for itself until it gives it back: a call of
// the owner, or a drain of another thread (Core::try_drain), which does not wait.
#pragma once

#include <atomic>
#include <cstdint>

#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

/// Held during every call. It throws for a second thread, and in a process that does not own the messenger.
class Core::CallGuard {
 public:
  explicit CallGuard(Core& core) : core_(core) {
    std::uint32_t expected = kFree;
    const bool is_free = core.in_use_.compare_exchange_strong(expected, kOwnersCall, std::memory_order_acquire);
    if (!is_free || !core.link_->is_own_process()) core.wait_for_turn(is_free);
  }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;
  ~CallGuard() {
    if (core_.needs_settling_) core_.settle();
    core_.in_use_.store(kFree, std::memory_order_release);  // pairs with the acquire of the next guard
  }

 private:
  Core& core_;
};

/// Calls `look(streams)` while no other thread drains. Within a call of this thread, such as that of a codec, it looks
/// at once. In a fork, nobody ends the drain of its parent's thread, and so nothing is there.
template <class Look>
auto Core::look_at_streams(Look look) noexcept -> decltype(look(std::declval<const Streams&>())) {
  const Streams& streams = requests_.streams();
  std::uint32_t expected = kFree;
  while (!in_use_.compare_exchange_weak(expected, kOwnersCall, std::memory_order_acquire)) {
    if (expected == kOwnersCall) return look(streams);
    if (expected == kOtherThreadDrains && !link_->is_own_process()) return {};
    expected = kFree;
  }
  const auto seen = look(streams);
  in_use_.store(kFree, std::memory_order_release);  // pairs with the acquire of the next guard
  return seen;
}

}  // namespace coproc::inline v0::detail
