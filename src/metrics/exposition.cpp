#include "metrics/exposition.hpp"

#include <charconv>
#include <utility>

namespace coproc::inline v0::metrics {

namespace {

void append(std::string& text, std::uint64_t number) {
  char digits[24];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

std::string labels_of(std::string_view name, std::size_t place) {
  std::string text = "name=\"";
  for (const char c : name) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  text += "\",place=\"";
  append(text, place);
  text += '"';
  return text;
}

void Exposition::add(std::string_view labels, std::uint64_t value, std::string_view more) {
  begin_sample(labels, more);
  append(text_, value);
  text_ += '\n';
}

/// All nine digits are written: a double would lose some of them.
void Exposition::add_seconds(std::string_view labels, std::int64_t nanoseconds) {
  begin_sample(labels, {});
  const std::uint64_t time = nanoseconds > 0 ? static_cast<std::uint64_t>(nanoseconds) : 0;
  append(text_, time / 1'000'000'000);
  const std::size_t point = text_.size();
  append(text_, 1'000'000'000 + time % 1'000'000'000);
  text_[point] = '.';
  text_ += '\n';
}

void Exposition::begin_family() {
  const bool is_counter = family_->kind == Kind::counter;
  for (const char* const what : {"# HELP ", "# TYPE "}) {
    text_ += what;
    text_ += family_->name;
    if (is_counter && !is_open_) text_ += "_total";  // OpenMetrics: the suffix is that of the samples alone
    text_ += ' ';
    text_ += what[2] == 'H' ? family_->help : is_counter ? "counter" : "gauge";
    text_ += '\n';
  }
}

void Exposition::begin_sample(std::string_view labels, std::string_view more) {
  if (!std::exchange(has_begun_, true)) begin_family();
  text_ += family_->name;
  text_ += family_->kind == Kind::counter ? "_total{" : "{";
  text_ += labels;
  if (!more.empty()) text_ += ',';
  text_ += more;
  text_ += "} ";
}

std::string Exposition::finish() && {
  if (is_open_) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace coproc::inline v0::metrics
