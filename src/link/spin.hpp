// How long a wait spins before it sleeps: about as long as a sleep would cost, and less if spinning did not help
// lately.
#pragma once

#include <cstdint>

namespace coproc::inline v0::link {

/// Adapts to its success: a wait that had to sleep in the end halves the spinning of the next one, and a wait that
/// did not doubles it. Once it has come down to no spinning, it tries again from time to time.
class SpinBudget {
 public:
  /// Waking a sleeper on another processor costs 26 to 61 us. Spinning as long as that breaks even
  /// (LinkOptions::spin); spinning much less is as bad as not at all.
  static constexpr std::int64_t kLeastNs = 6'000;
  static constexpr int kRetryEvery = 32;

  /// `most` is in nanoseconds; 0 or less: never spin.
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
