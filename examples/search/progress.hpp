// The progress bar, and lines to the standard error that do not get into its way.
//
// Thread safety: none.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace search {

struct ProgressState {
  std::size_t indexed = 0;
  std::size_t found = 0;
  bool is_found_final = false;  // no more files will be found
  std::string note;             // shown behind the bar
};

/// "[#####.....] 340/680 files note"; a "+" behind the second number while more files are being found.
std::string progress_text(const ProgressState& state, std::size_t bar_width = 30);

class Progress {
 public:
  enum class Mode {
    off,
    last_line,  // below what is printed
    top_line,   // at the top of the screen, where it does not disturb the user's typing
  };
  explicit Progress(Mode mode) : mode_(mode) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  bool is_shown() const { return mode_ != Mode::off; }

  /// Draws the bar, at most ten times a second.
  void show(const ProgressState& state);
  /// Takes the bar away: call it before anything else is printed to the terminal.
  void clear();
  /// Prints a line to the standard error.
  void print_line(const std::string& line);

 private:
  Mode mode_;
  bool is_drawn_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace search
