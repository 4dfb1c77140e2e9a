// Decides when a worker that has ended is started again, and when it has ended too often.
//
// Its clock is that of its caller, so that it can be tested without waiting: all times are in ns, of one clock.
//
// Thread safety: none; for the thread that drives.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "coproc/restart.hpp"
#include "supervise/restart_limit.hpp"

namespace coproc::inline v0::supervise {

class Schedule {
 public:
  /// Throws InvalidArgumentError for options that cannot work.
  explicit Schedule(const RestartOptions& options);

  /// The worker was started, or its start was tried, at this time. Without `is_restart` it is the user's own start.
  void note_start(std::int64_t now, bool is_restart);
  /// The worker has ended, or its start has failed. Returns when the next start is due, which may be now; nullopt if
  /// there were as many restarts as are allowed. `chance`: see Backoff::delay.
  std::optional<std::int64_t> next(std::int64_t now, double chance);

 private:
  Backoff backoff_;
  RestartLimit limit_;
  std::int64_t last_start_ = 0;
  std::size_t in_succession_ = 0;  // restarts since the delays began anew
};

}  // namespace coproc::inline v0::supervise
