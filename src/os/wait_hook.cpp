#include "os/wait_hook.hpp"

#include <algorithm>
#include <atomic>

namespace coproc::inline v0::os {

namespace {

std::atomic<void (*)()> wait_hook{nullptr};

}  // namespace

void set_wait_hook(void (*hook)()) noexcept {
  wait_hook.store(hook, std::memory_order_release);  // pairs with the acquire in run_wait_hook()
}

PollEnd poll_slice(std::span<pollfd> fds, const Deadline& deadline, bool may_unwind) {
  // A signal that arrives between the runtime's last check and the poll does not interrupt the poll. Hence the
  // slices.
  constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(100);
  const bool has_hook = wait_hook.load(std::memory_order_relaxed) != nullptr;  // relaxed: only a question
  const Deadline slice = has_hook ? Deadline(std::min(deadline.remaining(), kSlice)) : deadline;
  return may_unwind ? poll_or_unwind(fds, slice) : poll_once(fds, slice);
}

void run_wait_hook() {
  // acquire: pairs with the release in set_wait_hook()
  if (auto* const hook = wait_hook.load(std::memory_order_acquire)) hook();
}

}  // namespace coproc::inline v0::os
