#include <unistd.h>

#include <utility>

#include "coproc/progress.hpp"
#include "os/file.hpp"
#include "os/terminal.hpp"

namespace coproc::inline v0 {

namespace {

constexpr const char* kEraseLine = "\r\033[K";
constexpr std::chrono::milliseconds kDrawEvery{100};

}  // namespace

struct ProgressBar::State {
  std::string label;
  std::size_t columns = os::columns_of_terminal(STDERR_FILENO);
  std::chrono::steady_clock::time_point drawn_at{};
  bool is_drawn = false;

  ~State() { clear(); }
  void clear() {
    if (is_drawn) os::write_all(STDERR_FILENO, kEraseLine);
    is_drawn = false;
    drawn_at = {};
  }
};

ProgressBar::ProgressBar(std::string label) : state_(std::make_shared<State>()) { state_->label = std::move(label); }
ProgressBar::~ProgressBar() = default;
ProgressBar::ProgressBar(const ProgressBar&) = default;
ProgressBar& ProgressBar::operator=(const ProgressBar&) = default;

void ProgressBar::operator()(const Progress& progress) {
  State& state = *state_;
  if (state.columns == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (!progress.is_last && now - state.drawn_at < kDrawEvery) return;
  state.drawn_at = now;
  // One column stays free, because a line that wraps could not be erased.
  os::write_all(STDERR_FILENO, kEraseLine + progress_text(progress, state.label, state.columns - 1));
  state.is_drawn = !progress.is_last;
  if (progress.is_last) os::write_all(STDERR_FILENO, "\n");
}

void ProgressBar::clear() { state_->clear(); }

bool ProgressBar::is_shown() const noexcept { return state_->columns != 0; }

}  // namespace coproc::inline v0
