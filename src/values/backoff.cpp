#include "coproc/backoff.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0 {

std::chrono::nanoseconds Backoff::delay(std::size_t earlier, double chance) const noexcept {
  const auto longest = static_cast<double>(most.count());
  double delay = static_cast<double>(first.count());
  if (earlier != 0) {
    // May become infinite, of which the smaller is still `most`; but 0 times infinity would be no number.
    const double growth = std::pow(factor, static_cast<double>(earlier - 1));
    delay = then.count() == 0 ? 0 : static_cast<double>(then.count()) * growth;
  }
  delay = std::min(delay, longest);
  delay = std::min(delay * (1 + spread * (2 * chance - 1)), longest);
  constexpr double kTooLong = 9.2e18;  // in ns; what follows is not a number of them any more
  return delay >= kTooLong ? (std::chrono::nanoseconds::max)()
                           : std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(delay));
}

void Backoff::check(const char* whose) const {
  const auto require = [&](bool is_right, const char* what) {
    if (!is_right) throw InvalidArgumentError(std::string(whose) + what);
  };
  const std::chrono::nanoseconds none(0);
  require(first >= none && then >= none && most >= none && reset_after >= none,
          ": the times of a backoff are not negative");
  require(factor >= 1 && std::isfinite(factor), ": the factor of a backoff is at least 1");
  require(spread >= 0 && spread <= 1, ": the spread of a backoff is a share from 0 to 1");
}

}  // namespace coproc::inline v0
