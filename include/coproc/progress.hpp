// How far a pool has come with a map, and a bar that shows it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// What `TaskOptions::progress` is called with.
struct Progress {
  std::size_t done = 0;    ///< tasks that have ended, those that failed among them
  std::size_t failed = 0;  ///< of these: threw, ran out of time, or lost their worker
  /// How many there will be; nullopt: not known, for the input cannot tell its size.
  std::optional<std::size_t> total = {};
  std::chrono::nanoseconds elapsed{0};
  bool is_last = false;  ///< there will be no further call

  /// Tasks a second, from the beginning on; 0 as long as nothing can be said.
  COPROC_API double rate() const noexcept;
  /// How long the rest will take if it goes on like this; nullopt: nothing can be said.
  COPROC_API std::optional<std::chrono::nanoseconds> time_left() const noexcept;
};

/// "checksums 42% [########............] 420/1000, 3 failed, 81.2/s, 7 s left": no longer than `width`.
COPROC_API std::string progress_text(const Progress& progress, const std::string& label, std::size_t width = 79);

/// A bar in one line of the terminal that the standard error leads to, drawn at most ten times a second. Where that is no
/// terminal it says nothing.
///
///     coproc::ProgressBar bar("checksums");
///     for (auto& sum : pool.map(&checksum, files, {.progress = bar})) ...
///
/// Copies share one bar, so that it can be given away and kept. Thread safety: none; the call of `TaskOptions::progress` is
/// made by the thread that reads the results.
class COPROC_API ProgressBar {
 public:
  explicit ProgressBar(std::string label = {});
  ~ProgressBar();
  ProgressBar(const ProgressBar&);
  ProgressBar& operator=(const ProgressBar&);

  /// Draws it; the last one stays, with a new line behind it.
  void operator()(const Progress& progress);
  /// Takes the bar away: call it before anything else is printed to the terminal. The next call draws it again.
  void clear();
  /// Whether there is a terminal to draw on.
  bool is_shown() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace coproc::inline v0
