// What was recorded, as text: for people, for spreadsheets and for programs.
#include <algorithm>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/monitor_result.hpp"
#include "monitor/escape.hpp"
#include "monitor/numbers.hpp"

namespace coproc::inline v0 {

using monitor::bytes_text;
using monitor::decimal;
using monitor::in_csv;
using monitor::in_json;
using monitor::seconds;

namespace {

std::string right(std::string text, std::size_t width) {
  text.insert(0, text.size() < width ? width - text.size() : 0, ' ');
  return text;
}

/// With six digits: microseconds.
std::string seconds_text(std::chrono::nanoseconds time) { return decimal(seconds(time), 6); }

const char* json_bool(bool value) { return value ? "true" : "false"; }

std::string json_of(const MonitorSample& sample) {
  return "{\"time\":" + seconds_text(sample.time) + ",\"processor_time\":" + seconds_text(sample.processor_time) +
         ",\"processors\":" + decimal(sample.processors, 4) +
         ",\"resident_bytes\":" + std::to_string(sample.resident_bytes) +
         ",\"shared_bytes\":" + std::to_string(sample.shared_bytes) + ",\"threads\":" + std::to_string(sample.threads) +
         ",\"state\":" + in_json({&sample.state, 1}) + "}";
}

std::string json_of(const MonitorNote& note) {
  return "{\"time\":" + seconds_text(note.time) + ",\"text\":" + in_json(note.text) +
         ",\"details\":" + in_json(note.details) + ",\"log\":" + json_bool(note.log) +
         ",\"label\":" + json_bool(note.label) + ",\"print\":" + json_bool(note.print) +
         ",\"resident_bytes\":" + std::to_string(note.resident_bytes) + "}";
}

template <class T>
std::string json_of(const std::vector<T>& all);

std::string json_of(const ProcessSeries& series) {
  return "{\"pid\":" + std::to_string(series.pid) + ",\"parent\":" + std::to_string(series.parent) +
         ",\"name\":" + in_json(series.name) + ",\"has_ended\":" + json_bool(series.has_ended) +
         ",\"peak_bytes\":" + std::to_string(series.peak_bytes) + ",\"samples\":" + json_of(series.samples) + "}";
}

template <class T>
std::string json_of(const std::vector<T>& all) {
  std::string text = "[";
  for (const T& one : all) text += (&one == all.data() ? "\n" : ",\n") + json_of(one);
  return text + "]";
}

}  // namespace

std::string MonitorResult::table() const {
  std::string text = "     pid  name                     peak  processor time    watched\n";
  for (const ProcessSeries& series : processes) {
    std::string name = detail::in_one_line(series.name);
    name.resize(std::max<std::size_t>(name.size(), 15), ' ');
    const bool is_empty = series.samples.empty();
    const auto used = is_empty ? std::chrono::nanoseconds(0) : series.samples.back().processor_time;
    const auto watched =
        is_empty ? std::chrono::nanoseconds(0) : series.samples.back().time - series.samples.front().time;
    text += right(std::to_string(series.pid), 8) + "  " + name + right(bytes_text(series.peak_bytes), 14) +
            right(decimal(seconds(used), 2) + " s", 16) + right(decimal(seconds(watched), 2) + " s", 11) + '\n';
  }
  if (forgotten_processes > 0) text += "and " + std::to_string(forgotten_processes) + " smaller ones that have ended\n";
  return text + "peak of all together: " + bytes_text(peak_bytes) + ", after " + decimal(seconds(peak_time), 2) +
         " s\n";
}

std::string MonitorResult::csv() const {
  std::string text =
      "kind,time,pid,name,processor_time,processors,resident_bytes,shared_bytes,threads,state,note,details\n";
  for (const ProcessSeries& series : processes) {
    const std::string who = std::to_string(series.pid) + ',' + in_csv(series.name) + ',';
    for (const MonitorSample& sample : series.samples) {
      text += "sample," + seconds_text(sample.time) + ',' + who + seconds_text(sample.processor_time) + ',' +
              decimal(sample.processors, 4) + ',' + std::to_string(sample.resident_bytes) + ',' +
              std::to_string(sample.shared_bytes) + ',' + std::to_string(sample.threads) + ',' +
              in_csv({&sample.state, 1}) + ",,\n";
    }
  }
  const std::string watched = processes.empty() ? "," : std::to_string(processes.front().pid) + ',';
  for (const MonitorNote& note : notes) {
    text += "note," + seconds_text(note.time) + ',' + watched + ",,," + std::to_string(note.resident_bytes) + ",,,," +
            in_csv(note.text) + ',' + in_csv(note.details) + '\n';
  }
  return text;
}

std::string MonitorResult::json() const {
  const auto began = std::chrono::duration_cast<std::chrono::nanoseconds>(began_at.time_since_epoch());
  return "{\"began_at\":" + seconds_text(began) + ",\"peak_bytes\":" + std::to_string(peak_bytes) +
         ",\"peak_time\":" + seconds_text(peak_time) +
         ",\"forgotten_processes\":" + std::to_string(forgotten_processes) + ",\n\"processes\":" + json_of(processes) +
         ",\n\"notes\":" + json_of(notes) + "}\n";
}

}  // namespace coproc::inline v0
