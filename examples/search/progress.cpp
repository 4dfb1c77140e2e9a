#include "progress.hpp"

#include <algorithm>
#include <cstdio>

namespace search {

namespace {

// What terminals understand: to the line's start and erase it; keep the cursor, go to the top, erase; go back.
constexpr const char* kEraseLine = "\r\033[K";
constexpr const char* kToTop = "\0337\033[1;1H\033[K";
constexpr const char* kBack = "\0338";

constexpr std::size_t kMaxColumns = 79;  // a bar that wraps could not be erased

void put(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string progress_text(const ProgressState& state, std::size_t bar_width) {
  const std::size_t filled = state.found == 0 ? 0 : bar_width * std::min(state.indexed, state.found) / state.found;
  std::string text = "[" + std::string(filled, '#') + std::string(bar_width - filled, '.') + "] ";
  text +=
      std::to_string(state.indexed) + "/" + std::to_string(state.found) + (state.is_found_final ? "" : "+") + " files";
  if (!state.note.empty()) text += "  " + state.note;
  return text;
}

void Progress::show(const ProgressState& state) {
  if (mode_ == Mode::off) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  const std::string text = progress_text(state).substr(0, kMaxColumns);
  put(mode_ == Mode::last_line ? kEraseLine + text : kToTop + text + kBack);
  is_drawn_ = true;
}

void Progress::clear() {
  if (!is_drawn_) return;
  is_drawn_ = false;
  next_ = {};
  put(mode_ == Mode::last_line ? std::string(kEraseLine) : std::string(kToTop) + kBack);
}

void Progress::print_line(const std::string& line) {
  clear();
  put(line + "\n");
}

}  // namespace search
