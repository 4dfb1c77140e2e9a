#include "os/clock.hpp"

#include <time.h>

namespace coproc::inline v0::os {

namespace {

std::int64_t read_clock(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t now_ns() noexcept { return read_clock(CLOCK_MONOTONIC); }

std::int64_t boottime_ns() noexcept { return read_clock(CLOCK_BOOTTIME); }

std::int64_t Deadline::from_now(std::chrono::nanoseconds duration) noexcept {
  const std::int64_t now = now_ns();
  return duration.count() < kNever - now ? now + duration.count() : kNever;  // 292 years: for ever
}

std::chrono::nanoseconds Deadline::remaining() const noexcept {
  if (end_ == kNever) return std::chrono::nanoseconds::max();
  if (end_ == kPast) return std::chrono::nanoseconds::zero();
  const std::int64_t left = end_ - now_ns();
  return std::chrono::nanoseconds(left > 0 ? left : 0);
}

}  // namespace coproc::inline v0::os
