// How long to wait before something that has failed is tried again.
#pragma once

#include <chrono>
#include <cstddef>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// The delays between the starts of something that ends again and again. They are counted from one start to the next,
/// so that what has lived for longer than its delay is started again at once.
///
/// Thread safety: a value.
struct Backoff {
  /// The delay before the first restart in succession.
  std::chrono::nanoseconds first = std::chrono::nanoseconds(0);
  /// The delay before the second one.
  std::chrono::nanoseconds then = std::chrono::milliseconds(100);
  /// Each further delay is so many times the one before. At least 1.
  double factor = 2;
  /// No delay is longer.
  std::chrono::nanoseconds most = std::chrono::seconds(30);
  /// Each delay is longer or shorter by a random part, at most this share of it, so that many of them do not all try
  /// again at the same moment. From 0 to 1.
  double spread = 0.2;
  /// What has lived for so long counts as well: the next delay is `first` again.
  std::chrono::nanoseconds reset_after = std::chrono::seconds(30);

  /// The delay before the restart that `earlier` others have preceded in succession. `chance` chooses it from those
  /// that `spread` allows: 0 is the shortest, 1 the longest.
  COPROC_API std::chrono::nanoseconds delay(std::size_t earlier, double chance = 0.5) const noexcept;

  /// Throws InvalidArgumentError for values that make no sense. `whose` begins its text.
  COPROC_API void check(const char* whose) const;
};

}  // namespace coproc::inline v0
