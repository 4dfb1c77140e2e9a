// The progress of a pool with a map, and a bar that shows it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// The argument of `TaskOptions::progress`.
struct Progress {
  std::size_t done = 0;    ///< tasks that have ended, including those that failed
  std::size_t failed = 0;  ///< tasks that threw, ran out of time, or lost their worker
  /// The number of tasks in all; nullopt if the input does not know its size.
  std::optional<std::size_t> total = {};
  std::chrono::nanoseconds elapsed{0};
  bool is_last = false;  ///< there will be no further call

  /// Tasks per second since the beginning, or 0 as long as it cannot be said.
  COPROC_API double rate() const noexcept;
  /// How long the remaining tasks will take at this rate; nullopt if it cannot be said.
  COPROC_API std::optional<std::chrono::nanoseconds> time_left() const noexcept;
};

/// A line of at most `width` characters, such as "checksums 42% [########............] 420/1000, 3 failed, 81.2/s, 7 s
/// left".
COPROC_API std::string progress_text(const Progress& progress, const std::string& label, std::size_t width = 79);

/// A bar in one line of the terminal at the standard error, drawn at most ten times a second. It draws nothing if that
/// is not a terminal.
///
///     coproc::ProgressBar bar("checksums");
///     for (auto& sum : pool.map(&checksum, files, {.progress = bar})) ...
///
/// Copies share one bar, so that a program can pass it on and keep it.
///
/// Thread safety: none. The thread that reads the results makes the calls of `TaskOptions::progress`.
class COPROC_API ProgressBar {
 public:
  explicit ProgressBar(std::string label = {});
  ~ProgressBar();
  ProgressBar(const ProgressBar&);
  ProgressBar& operator=(const ProgressBar&);

  /// Draws the bar. The last bar stays and is followed by a new line.
  void operator()(const Progress& progress);
  /// Removes the bar. Call this before you print anything else to the terminal. The next call draws the bar again.
  void clear();
  /// Whether there is a terminal on which the bar is drawn.
  bool is_shown() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace coproc::inline v0
