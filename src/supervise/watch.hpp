// Looks at the health of a supervised worker from time to time, and ends it when it hangs.
//
// Thread safety: none; for the thread that drives.
#pragma once

#include <chrono>

#include "coproc/health.hpp"
#include "coproc/worker.hpp"
#include "messenger/core.hpp"
#include "supervise/health.hpp"

namespace coproc::inline v0::supervise {

class Watch {
 public:
  /// Throws InvalidArgumentError for a limit that is not longer than 0.
  explicit Watch(const HealthOptions& options) : health_(options), asks_where_(options.stack) {}

  const Health& health() const noexcept { return health_; }
  /// There is another worker.
  void begin() noexcept;
  /// Looks if that is due, and ends the worker if it hangs. Call in a call of its messenger, whose core this is.
  /// Returns when the next look is due, from now; nanoseconds::max(): not before begin().
  std::chrono::nanoseconds look(Worker& worker, detail::Core& core);
  /// The same without looking.
  std::chrono::nanoseconds next() const noexcept;

 private:
  HealthSample sample(Worker& worker, detail::Core& core);

  Health health_;
  bool asks_where_;
  bool is_over_ = false;  // this worker hangs, and was ended
  std::int64_t due_ = 0;
  detail::Core::PeerHealth seen_ = {};
};

}  // namespace coproc::inline v0::supervise
