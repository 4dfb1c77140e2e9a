#include "supervise/schedule.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0::supervise {

namespace {

/// Throws if the delays are so long that there can never be too many restarts within `within`: then a worker that can
/// never work would be started again for ever, and nobody told.
void check_reachable(const RestartOptions& options) {
  std::chrono::duration<double> shortest(0);
  constexpr std::size_t kEnough = 1000;  // the delays do not grow any more, or hardly
  const std::size_t counted = std::min(options.most, kEnough);
  for (std::size_t i = 0; i < counted; ++i) shortest += options.backoff.delay(i, 0);
  if (options.most > counted) {
    shortest += options.backoff.delay(counted, 0) * static_cast<double>(options.most - counted);
  }
  if (shortest < options.within) return;
  throw InvalidArgumentError("RestartOptions: " + std::to_string(options.most) + " restarts take at least " +
                             std::to_string(shortest.count()) +
                             " s with this backoff, so that there are never more of them within " +
                             std::to_string(std::chrono::duration<double>(options.within).count()) +
                             " s, and a worker that can never work would be started for ever: raise `within`, or lower "
                             "`most`");
}

}  // namespace

Schedule::Schedule(const RestartOptions& options)
    : backoff_(options.backoff), limit_("RestartOptions", options.most, options.within) {
  backoff_.check("RestartOptions::backoff");
  check_reachable(options);
}

void Schedule::note_start(std::int64_t now, bool is_restart) {
  last_start_ = now;
  if (is_restart) limit_.note(now);
}

std::optional<std::int64_t> Schedule::next(std::int64_t now, double chance) {
  const std::int64_t lived = now - last_start_;
  if (lived >= backoff_.reset_after.count()) in_succession_ = 0;
  if (limit_.is_reached(now)) return std::nullopt;
  const std::int64_t delay = backoff_.delay(in_succession_++, chance).count();
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  return delay > kNever - last_start_ ? kNever : std::max(now, last_start_ + delay);
}

}  // namespace coproc::inline v0::supervise
