// Counts restarts, and says when there were as many as are allowed.
//
// Thread safety: none; for the thread that drives.
// Invariants: `times_` are those of the restarts, oldest first, in ns; those that are over `within` old are removed
// when the limit is asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0::supervise {

class RestartLimit {
 public:
  /// At most so many within any stretch of `within`. Throws InvalidArgumentError, whose text begins with `whose`.
  RestartLimit(const char* whose, std::size_t most, std::chrono::nanoseconds within) : most_(most), within_(within) {
    if (within.count() <= 0) throw InvalidArgumentError(std::string(whose) + ": `within` is longer than nothing");
  }

  void note(std::int64_t now) { times_.push_back(now); }
  bool is_reached(std::int64_t now) {
    while (!times_.empty() && now - times_.front() > within_.count()) times_.pop_front();
    return times_.size() >= most_;
  }
  /// How many are counted at present.
  std::size_t count() const noexcept { return times_.size(); }

 private:
  std::size_t most_;
  std::chrono::nanoseconds within_;
  std::deque<std::int64_t> times_;
};

}  // namespace coproc::inline v0::supervise
