// Monotonic time, and deadlines for waits.
//
// Thread safety: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace coproc::inline v0::os {

/// Nanoseconds of CLOCK_MONOTONIC. (A call through the vDSO, which cannot fail.)
std::int64_t now_ns() noexcept;
/// Nanoseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps.
std::int64_t boottime_ns() noexcept;

class Deadline {
 public:
  /// `duration` from now. nanoseconds::max() means for ever; zero and less have passed already.
  explicit Deadline(std::chrono::nanoseconds duration) noexcept
      : end_(duration == std::chrono::nanoseconds::max()    ? kNever
             : duration <= std::chrono::nanoseconds::zero() ? kPast
                                                            : from_now(duration)) {}
  /// The same as a number of now_ns(); the greatest one means never.
  static std::int64_t from_now(std::chrono::nanoseconds duration) noexcept;
  static Deadline forever() noexcept { return Deadline(std::chrono::nanoseconds::max()); }

  bool is_forever() const noexcept { return end_ == kNever; }
  bool passed() const noexcept { return end_ == kPast || (end_ != kNever && now_ns() >= end_); }
  /// Not below zero; nanoseconds::max() if it is for ever.
  std::chrono::nanoseconds remaining() const noexcept;

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t kPast = std::numeric_limits<std::int64_t>::min();  // "look once" then needs no clock

  std::int64_t end_;
};

}  // namespace coproc::inline v0::os
