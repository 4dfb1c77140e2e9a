// The page: the drawing, and what a drawing cannot say.
#include "coproc/monitor_result.hpp"
#include "monitor/escape.hpp"
#include "monitor/numbers.hpp"
#include "os/local_time.hpp"

namespace coproc::inline v0 {

using monitor::bytes_text;
using monitor::decimal;
using monitor::in_markup;
using monitor::seconds;

namespace {

std::string cell(const std::string& markup) { return "<td>" + markup + "</td>"; }

std::string row_of(const ProcessSeries& series) {
  std::string row = "<tr>" + cell(std::to_string(series.pid)) + cell(std::to_string(series.parent)) +
                    cell(in_markup(series.name)) + cell(bytes_text(series.peak_bytes));
  if (series.samples.empty()) return row + cell("?") + cell("?") + cell("?") + "</tr>\n";
  return row + cell(decimal(seconds(series.samples.back().processor_time), 2) + " s") +
         cell(decimal(seconds(series.samples.front().time), 2) + " s") +
         cell(decimal(seconds(series.samples.back().time), 2) + " s" + (series.has_ended ? "" : " (lives)")) +
         "</tr>\n";
}

std::string row_of(const MonitorNote& note) {
  return "<tr>" + cell(decimal(seconds(note.time), 2) + " s") + cell(bytes_text(note.resident_bytes)) +
         cell(in_markup(note.text)) + cell(in_markup(note.details)) + "</tr>\n";
}

}  // namespace

std::string MonitorResult::html() const {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>coproc::Monitor</title>\n"
      "<style>body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}"
      "td,th{padding:2px 12px 2px 0;text-align:left;border-bottom:1px solid #ddd}</style></head><body>\n"
      "<p>Began at " +
      os::local_time_text(began_at, "%Y-%m-%d %H:%M:%S %z") +
      ". Peak of all processes together: " + bytes_text(peak_bytes) + ", after " + decimal(seconds(peak_time), 2) +
      " s.</p>\n" + svg() +
      "<table><tr><th>pid</th><th>parent</th><th>name</th><th>peak</th><th>processor time</th><th>first sample</th>"
      "<th>last sample</th></tr>\n";
  for (const ProcessSeries& series : processes) page += row_of(series);
  page += "</table>\n";
  if (forgotten_processes > 0) {
    page += "<p>" + std::to_string(forgotten_processes) + " smaller processes that have ended are not listed.</p>\n";
  }
  if (!notes.empty()) page += "<table><tr><th>time</th><th>memory</th><th>note</th><th>details</th></tr>\n";
  for (const MonitorNote& note : notes) page += row_of(note);
  return page + (notes.empty() ? "" : "</table>\n") + "</body></html>\n";
}

}  // namespace coproc::inline v0
