// Counts the ends of a pool's workers, and knows what to tell when there were too many.
//
// Thread safety: guarded by the pool's mutex.
// Invariants: `texts_` are those of the ends that `limit_` counts, oldest first. Without a limit both are empty.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>

#include "coproc/pool_options.hpp"
#include "supervise/restart_limit.hpp"

namespace coproc::inline v0::pool {

class Restarts {
 public:
  /// Throws InvalidArgumentError for options that cannot work.
  explicit Restarts(const PoolRestartOptions& options) : options_(options), limit_(new_limit()) {
    options_.backoff.check("PoolRestartOptions::backoff");
  }

  /// A worker has ended, or could not be started; `text` says how. If that is one too often, returns the text of the
  /// error, and counts anew.
  std::optional<std::string> note(std::int64_t now, std::string text) {
    if (options_.most == std::numeric_limits<std::size_t>::max()) return std::nullopt;
    const bool is_too_often = limit_.is_reached(now);
    limit_.note(now);
    texts_.push_back(std::move(text));
    while (texts_.size() > limit_.count()) texts_.pop_front();
    if (!is_too_often) return std::nullopt;
    std::string all =
        "the pool gives up: more than " + std::to_string(options_.most) + " of its workers have ended within " +
        std::to_string(std::chrono::duration<double>(options_.within).count()) +
        " s, which is all that PoolOptions::restart allow. The next task starts workers again. The ends, the "
        "last one behind:";
    for (const std::string& each : texts_) all += "\n    " + each;
    limit_ = new_limit();
    texts_.clear();
    return all;
  }

 private:
  supervise::RestartLimit new_limit() const { return {"PoolRestartOptions", options_.most, options_.within}; }

  PoolRestartOptions options_;
  supervise::RestartLimit limit_;
  std::deque<std::string> texts_;
};

}  // namespace coproc::inline v0::pool
