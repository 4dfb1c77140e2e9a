// Decides when a worker that works makes place for a new one.
//
// Its clock and what it knows of the worker are given by its caller, so that it can be tested without waiting.
//
// Thread safety: none; for the thread that drives.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "coproc/recycle.hpp"

namespace coproc::inline v0::supervise {

class Recycling {
 public:
  /// Throws InvalidArgumentError for options that cannot work.
  explicit Recycling(const RecycleOptions& options);

  /// Whether any worker is ever to be replaced.
  bool is_wanted() const noexcept { return requests_ != 0 || memory_ != 0 || age_ != 0; }
  /// A worker was started, and the next request has this id. `chance`, from 0 to 1, chooses its limits from those that
  /// `spread` allows.
  void note_start(std::int64_t now, std::uint64_t next_request, double chance) noexcept;
  /// `memory()` is called at most every 100 ms.
  template <class Memory>
  bool is_due(std::int64_t now, std::uint64_t next_request, Memory memory) noexcept {
    if (requests_ != 0 && next_request - first_request_ >= scaled(requests_)) return true;
    if (age_ != 0 && static_cast<std::uint64_t>(now - started_at_) >= scaled(age_)) return true;
    if (memory_ == 0 || now < next_look_) return false;
    next_look_ = now + kLookAtMemoryEvery.count();
    return memory() >= scaled(memory_);
  }
  /// How many more requests may be sent before the worker is due because of them.
  std::uint64_t requests_left(std::uint64_t next_request) const noexcept {
    if (requests_ == 0) return std::numeric_limits<std::uint64_t>::max();
    return scaled(requests_) - std::min(scaled(requests_), next_request - first_request_);
  }
  /// When the worker is due because of its age; the greatest value: never.
  std::int64_t age_due() const noexcept {
    constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
    if (age_ == 0) return kNever;
    const auto age = static_cast<std::int64_t>(scaled(age_));
    return age > kNever - started_at_ ? kNever : started_at_ + age;
  }
  std::int64_t grace() const noexcept { return grace_; }
  bool overlaps() const noexcept { return overlaps_; }

 private:
  static constexpr std::chrono::nanoseconds kLookAtMemoryEvery = std::chrono::milliseconds(100);

  /// This limit for the present worker.
  std::uint64_t scaled(std::uint64_t limit) const noexcept;

  std::uint64_t requests_;
  std::uint64_t memory_;
  std::uint64_t age_;
  double spread_;
  std::int64_t grace_;
  bool overlaps_;
  double scale_ = 1;
  std::int64_t started_at_ = 0;
  std::uint64_t first_request_ = 0;
  std::int64_t next_look_ = 0;
};

}  // namespace coproc::inline v0::supervise
