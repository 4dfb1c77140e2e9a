#include "agent/lease.hpp"

#include <algorithm>

namespace coproc::inline v0::agent {

namespace {

using std::chrono::nanoseconds;

nanoseconds length_of(nanoseconds silence) noexcept {
  return silence == nanoseconds::max() ? silence : silence / 5 * 3;
}

nanoseconds not_below_zero(std::int64_t time) noexcept { return nanoseconds(std::max<std::int64_t>(time, 0)); }

}  // namespace

Lease::Lease(nanoseconds silence, std::int64_t now) noexcept
    : length_(length_of(silence)), interval_(silence / 5), end_(0), next_ping_(now) {
  if (is_limited()) end_ = now + length_.count();
}

nanoseconds Lease::next_in(std::int64_t now) const noexcept {
  return is_limited() ? not_below_zero(std::min(next_ping_, end_) - now) : nanoseconds::max();
}

nanoseconds Lease::ends_in(std::int64_t now) const noexcept {
  return is_limited() ? not_below_zero(end_ - now) : nanoseconds::max();
}

std::uint64_t Lease::ping(std::int64_t now) {
  next_ping_ = now + interval_.count();
  unanswered_.push_back({++last_, now});
  return last_;
}

void Lease::renew(std::uint64_t number) {
  while (!unanswered_.empty() && unanswered_.front().number <= number) {
    end_ = unanswered_.front().sent + length_.count();
    unanswered_.pop_front();
  }
}

}  // namespace coproc::inline v0::agent
