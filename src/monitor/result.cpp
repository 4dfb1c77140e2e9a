#include "coproc/monitor_result.hpp"

#include <algorithm>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "monitor/formats.hpp"
#include "monitor/numbers.hpp"
#include "os/local_time.hpp"
#include "os/replace_file.hpp"

namespace coproc::inline v0 {

monitor::Format monitor::format_of(std::string_view path) {
  if (path.ends_with(".svg")) return &MonitorResult::svg;
  if (path.ends_with(".html")) return &MonitorResult::html;
  if (path.ends_with(".csv")) return &MonitorResult::csv;
  if (path.ends_with(".json")) return &MonitorResult::json;
  throw InvalidArgumentError("Monitor: the name of the file " + detail::in_one_line(path) +
                             " must end with .svg, .html, .csv or .json, which says what is written");
}

void MonitorResult::save(const std::string& path) const {
  const monitor::Format format = monitor::format_of(path);
  os::replace_file(path, (this->*format)());
}

std::chrono::nanoseconds MonitorResult::duration() const noexcept {
  std::chrono::nanoseconds last{0};
  for (const ProcessSeries& series : processes) {
    if (!series.samples.empty()) last = std::max(last, series.samples.back().time);
  }
  for (const MonitorNote& note : notes) last = std::max(last, note.time);
  return last;
}

std::string note_line(const MonitorNote& note, std::chrono::system_clock::time_point began_at) {
  std::string memory = monitor::bytes_text(note.resident_bytes);
  memory.insert(0, memory.size() < 9 ? 9 - memory.size() : 0, ' ');
  const auto at = began_at + std::chrono::duration_cast<std::chrono::system_clock::duration>(note.time);
  std::string line =
      os::local_time_text(at, "%m/%d %H:%M:%S") + "/" + memory + "/: " + detail::in_one_line(note.text, detail::kWhole);
  if (!note.details.empty()) line += "; details='" + detail::in_one_line(note.details, detail::kWhole) + "'";
  return line;
}

}  // namespace coproc::inline v0
