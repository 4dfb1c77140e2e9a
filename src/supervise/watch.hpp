// Looks at the health of a worker from time to time, and ends it when it hangs.
//
// Thread safety: none; for the thread that drives.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "coproc/health.hpp"
#include "coproc/worker.hpp"
#include "messenger/core.hpp"
#include "supervise/health.hpp"

namespace coproc::inline v0::supervise {

/// What a caller knows by its own protocol of a worker that does not tell which requests it has in hand.
struct InHand {
  std::optional<std::uint64_t> task = {};  // each has a greater number than the one before
  bool is_unread = false;                  // the caller does not take in its answers at the moment
};

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
  /// When the next look is due, in ns; the greatest value: not before begin().
  std::int64_t due() const noexcept;

  /// Looks if that is due, and returns why the worker hangs, if it does. `known` is what it has in hand; without it,
  /// the worker tells. The look may throw what reading its state throws.
  std::optional<Hang> find_hang(Worker& worker, detail::Core& core, const std::optional<InHand>& known = {});
  /// Ends a worker that hangs. Waits for that; see WorkerAccess::end_hung.
  void end(Worker& worker, Hang hang) const;

 private:
  HealthSample sample(Worker& worker, detail::Core& core, const std::optional<InHand>& known);

  Health health_;
  bool asks_where_;
  bool is_over_ = false;  // this worker hangs, and was ended
  std::int64_t due_ = 0;
  detail::PeerHealth seen_ = {};
};

}  // namespace coproc::inline v0::supervise
