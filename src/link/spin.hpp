// How long a wait spins before it sleeps: about as long as a sleep would cost, less where spinning did not pay lately.
#pragma once

#include <cstdint>

namespace coproc::inline v0::link {

/// Learns from its misses: each wait that had to sleep after all halves the next one's spinning; each that was spared the
/// sleep doubles it again. A wait that is not allowed to spin at all is tried again after some time.
class SpinBudget {
 public:
  /// Waking a sleeper on another processor costs 26 to 61 us: spinning that long breaks even, much less is as bad as none.
  static constexpr std::int64_t kMostNs = 50'000;
  static constexpr std::int64_t kLeastNs = 6'000;
  static constexpr int kRetryEvery = 32;

  std::int64_t next() noexcept {
    if (budget_ >= kLeastNs) return budget_;
    if (++skipped_ < kRetryEvery) return 0;
    skipped_ = 0;
    return kMostNs;
  }
  void hit() noexcept { budget_ = budget_ < kLeastNs ? kMostNs : (budget_ * 2 < kMostNs ? budget_ * 2 : kMostNs); }
  void miss() noexcept { budget_ = budget_ < kLeastNs ? 0 : budget_ / 2; }

 private:
  std::int64_t budget_ = kMostNs;
  int skipped_ = 0;
};

}  // namespace coproc::inline v0::link
