#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

// relaxed everywhere: independent counters, read by the test that armed them.
std::atomic<std::uint64_t> calls{0};
std::atomic<std::uint64_t> failing_call{0};
std::atomic<int> error_to_give{0};

}  // namespace

namespace detail {

std::atomic<bool> fault_is_armed{false};

bool count_and_fail() noexcept {
  const std::uint64_t number = calls.fetch_add(1, std::memory_order_relaxed) + 1;
  if (number != failing_call.load(std::memory_order_relaxed)) return false;
  errno = error_to_give.load(std::memory_order_relaxed);
  return true;
}

}  // namespace detail

void arm_fault(std::uint64_t nth, int error_number) noexcept {
  calls.store(0, std::memory_order_relaxed);
  failing_call.store(nth, std::memory_order_relaxed);
  error_to_give.store(error_number, std::memory_order_relaxed);
  detail::fault_is_armed.store(true, std::memory_order_relaxed);
}

std::uint64_t disarm_fault() noexcept {
  detail::fault_is_armed.store(false, std::memory_order_relaxed);
  return calls_since_armed();
}

std::uint64_t calls_since_armed() noexcept { return calls.load(std::memory_order_relaxed); }

}  // namespace coproc::inline v0::os
