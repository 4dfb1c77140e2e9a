// Every system call passes through here, so that tests can count calls and make the Nth one fail.
//
// Thread safety: any thread; the count is process-wide, and a forked child goes on counting for itself.
// Invariants: a call that is made to fail is not made at all. Calls that free something (close, munmap) are neither
// counted nor failed: a program could do nothing about it, and the resource would leak.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "os/cancel.hpp"

namespace coproc::inline v0::os {

/// Counts system calls from now on. The `nth` one (from 1; 0: none) fails once, with `error_number`.
void arm_fault(std::uint64_t nth, int error_number) noexcept;
/// Stops counting and returns how many calls were made since arm_fault().
std::uint64_t disarm_fault() noexcept;
/// The calls made since arm_fault().
std::uint64_t calls_since_armed() noexcept;

namespace detail {

extern std::atomic<bool> fault_is_armed;
bool count_and_fail() noexcept;

}  // namespace detail

/// True: the caller behaves as if its call had failed; errno is set.
inline bool should_fail() noexcept {
  // relaxed: tests arm it before they start what they observe; nothing is published through it
  return detail::fault_is_armed.load(std::memory_order_relaxed) && detail::count_and_fail();
}

/// Makes one system call that reports failure by -1. A cancelled thread does not end in it.
template <class Call>
auto call_once(Call call) noexcept -> decltype(call()) {
  if (should_fail()) return decltype(call())(-1);
  const NoCancel stays;
  return call();
}

/// The same, repeated when a signal interrupts it. Not for waits, and not for close.
template <class Call>
auto call_retried(Call call) noexcept -> decltype(call()) {
  for (;;) {
    const auto result = call_once(call);
    if (result != -1 || errno != EINTR) return result;
  }
}

}  // namespace coproc::inline v0::os
