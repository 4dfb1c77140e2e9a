#include "supervise/recycling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coproc/errors.hpp"

namespace coproc::inline v0::supervise {

Recycling::Recycling(const RecycleOptions& options)
    : requests_(options.requests),
      memory_(options.memory),
      age_(static_cast<std::uint64_t>(options.age.count())),
      spread_(options.spread),
      grace_(options.grace.count()),
      overlaps_(options.overlap) {
  if (options.age.count() < 0 || options.grace.count() < 0)
    throw InvalidArgumentError("RecycleOptions: `age` and `grace` are not negative");
  if (!(options.spread >= 0 && options.spread <= 1))
    throw InvalidArgumentError("RecycleOptions: `spread` is from 0 to 1");
}

void Recycling::note_start(std::int64_t now, std::uint64_t next_request, double chance) noexcept {
  started_at_ = now;
  first_request_ = next_request;
  next_look_ = now;
  scale_ = 1 + spread_ * (2 * chance - 1);
}

std::uint64_t Recycling::scaled(std::uint64_t limit) const noexcept {
  constexpr double kMost = 0x1p62;  // fits also if it is signed
  const double exact = std::round(static_cast<double>(limit) * scale_);
  return static_cast<std::uint64_t>(std::clamp(exact, 1.0, kMost));
}

}  // namespace coproc::inline v0::supervise
