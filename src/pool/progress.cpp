#include "coproc/progress.hpp"

#include <algorithm>
#include <cstdio>

#include "coproc/detail/foreign_text.hpp"

namespace coproc::inline v0 {

namespace {

constexpr std::size_t kBar = 20;

/// Returns a rate with three significant digits and k or M, such as "81.2/s" or "12.3k/s".
std::string rate_text(double rate) {
  const char* unit = "";
  if (rate >= 999'500) {
    rate /= 1'000'000;
    unit = "M";
  } else if (rate >= 999.5) {
    rate /= 1'000;
    unit = "k";
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.3g%s/s", rate, unit);
  return text;
}

/// Returns a time such as "7 s", "3:20 min" or "2:05 h".
std::string time_text(std::chrono::nanoseconds time) {
  const long long seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
  char text[48];
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%lld s", seconds);
  } else if (seconds < 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld min", seconds / 60, seconds % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld h", seconds / 3600, seconds / 60 % 60);
  }
  return text;
}

}  // namespace

namespace {

/// Returns the first `columns` characters of a text in UTF-8, and cuts none in two.
std::string first_columns(const std::string& text, std::size_t columns) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (begins && count++ == columns) return text.substr(0, i);
  }
  return text;
}

}  // namespace

double Progress::rate() const noexcept {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return seconds > 0 ? static_cast<double>(done) / seconds : 0;
}

std::optional<std::chrono::nanoseconds> Progress::time_left() const noexcept {
  if (!total || done == 0) return std::nullopt;
  const double share = static_cast<double>(*total - std::min(done, *total)) / static_cast<double>(done);
  // The product may be more than nanoseconds can count.
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(std::min(static_cast<double>(elapsed.count()) * share, 9e18)));
}

std::string progress_text(const Progress& progress, const std::string& label, std::size_t width) {
  std::string text = detail::in_one_line(label);
  const auto add = [&](const std::string& part) {
    if (!text.empty() && text.back() != ' ') text += ' ';
    text += part;
  };
  const std::size_t done = progress.total ? std::min(progress.done, *progress.total) : progress.done;
  if (progress.total) {
    const std::size_t total = std::max<std::size_t>(1, *progress.total);
    const bool is_empty = *progress.total == 0;
    const std::size_t filled =
        is_empty ? kBar : static_cast<std::size_t>(static_cast<double>(done) / static_cast<double>(total) * kBar);
    add(std::to_string(
            is_empty ? 100 : static_cast<std::size_t>(static_cast<double>(done) / static_cast<double>(total) * 100)) +
        "%");
    add("[" + std::string(filled, '#') + std::string(kBar - filled, '.') + "]");
    add(std::to_string(done) + "/" + std::to_string(*progress.total));
  } else {
    add(std::to_string(done));
  }
  if (progress.failed != 0) text += ", " + std::to_string(progress.failed) + " failed";
  if (progress.rate() > 0) text += ", " + rate_text(progress.rate());
  if (progress.is_last) {
    text += ", " + time_text(progress.elapsed);
  } else if (const auto left = progress.time_left()) {
    text += ", " + time_text(*left) + " left";
  }
  return first_columns(text, width);
}

}  // namespace coproc::inline v0
