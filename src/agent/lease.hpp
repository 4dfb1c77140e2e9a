// How long the far agent may let its worker run without a word from the near one.
//
// The far agent asks and the near one answers. An answer renews the lease, and counts from the moment at which its
// question was sent. When the near agent has heard nothing for the whole silence, it has answered nothing in that time,
// so that the lease, which is shorter, ran out before, and the worker has ended.
//
//   |---- silence -------------------------------------------|  then the near agent tells of the loss
//   |---- 0.6 silence: the lease ------|- the worker ends -|
//   ping, and its answer: the last that came
//
// Thread safety: one thread at a time.
// Invariants: all times are those of os::boottime_ns(), which goes on while a machine sleeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace coproc::inline v0::agent {

class Lease {
 public:
  /// `silence` may be nanoseconds::max(): then there are no pings, and the lease is never over.
  Lease(std::chrono::nanoseconds silence, std::int64_t now) noexcept;

  /// When something is to be done next: a ping, or the end. Not below zero; nanoseconds::max(): never.
  std::chrono::nanoseconds next_in(std::int64_t now) const noexcept;
  bool is_ping_due(std::int64_t now) const noexcept { return is_limited() && now >= next_ping_; }
  /// Returns the number of the ping that is sent now.
  std::uint64_t ping(std::int64_t now);
  /// This ping was answered. REQUIRES: it was sent, and no later one was answered before.
  void renew(std::uint64_t number);

  bool is_over(std::int64_t now) const noexcept { return is_limited() && now >= end_; }
  /// nanoseconds::max(): it never ends.
  std::chrono::nanoseconds ends_in(std::int64_t now) const noexcept;

 private:
  struct Ping {
    std::uint64_t number;
    std::int64_t sent;
  };

  bool is_limited() const noexcept { return length_ != std::chrono::nanoseconds::max(); }

  std::chrono::nanoseconds length_;    // constant after construction
  std::chrono::nanoseconds interval_;  // constant after construction
  std::int64_t end_;
  std::int64_t next_ping_;
  std::uint64_t last_ = 0;
  std::deque<Ping> unanswered_;
};

}  // namespace coproc::inline v0::agent
