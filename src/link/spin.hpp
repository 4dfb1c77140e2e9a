// How long a wait spins before it sleeps: about as long as a sleep would cost, less where spinning did not pay lately.
#pragma once

#include <cstdint>

namespace coproc::inline v0::link {

/// Learns from its misses: each wait that had to sleep after all halves the next one's spinning; each that was spared the
/// sleep doubles it again. A wait that is not allowed to spin at all is tried again after some time.
class SpinBudget {
 public:
  /// Waking a sleeper on another processor costs 26 to 61 us: spinning that long breaks even (LinkOptions::spin), much less is
  /// as bad as none.
  static constexpr std::int64_t kLeastNs = 6'000;
  static constexpr int kRetryEvery = 32;

  /// `most`: in nanoseconds; 0 or less: never.
  explicit SpinBudget(std::int64_t most) noexcept
      : most_(most > 0 ? most : 0), least_(most_ < kLeastNs ? most_ : kLeastNs), budget_(most_) {}

  std::int64_t next() noexcept {
    if (budget_ >= least_) return budget_;
    if (++skipped_ < kRetryEvery) return 0;
    skipped_ = 0;
    return most_;
  }
  void hit() noexcept { budget_ = budget_ < least_ ? most_ : (budget_ < most_ / 2 ? budget_ * 2 : most_); }
  void miss() noexcept { budget_ = budget_ / 2 < least_ ? 0 : budget_ / 2; }

 private:
  std::int64_t most_, least_;  // constant after construction
  std::int64_t budget_;
  int skipped_ = 0;
};

}  // namespace coproc::inline v0::link
