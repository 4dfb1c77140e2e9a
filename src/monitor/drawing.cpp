// The drawing: two panels over one axis of time, labels above them, and the names of the processes beside them.
#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/monitor_result.hpp"
#include "monitor/axis.hpp"
#include "monitor/escape.hpp"
#include "monitor/numbers.hpp"

namespace coproc::inline v0 {

using monitor::Axis;
using monitor::axis_to;
using monitor::decimal;
using monitor::in_markup;
using monitor::seconds;
using monitor::Unit;

namespace {

// In pixels.
constexpr double kLeft = 64, kPlotWidth = 640, kRight = 200, kTop = 12, kGap = 40, kBottom = 44;
constexpr double kMemoryHeight = 260, kProcessorsHeight = 120, kRowHeight = 14, kLegendRowHeight = 15;
// Of a character of 11 pixels: more than that of the widest font that a reader may choose for "sans-serif".
constexpr double kCharacterWidth = 7;
constexpr std::size_t kLabelRows = 12, kLabelCharacters = 40, kMostLines = 32;
// Told apart by most people who see fewer colours (Okabe and Ito).
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"};

/// The first characters of a text, by the count of those that begin a character of UTF-8.
std::string shortened(const std::string& text, std::size_t most) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) == 0x80) continue;
    if (++characters > most) return text.substr(0, i) + "...";
  }
  return text;
}

std::string attribute(const char* name, double value) {
  return std::string(" ") + name + "=\"" + decimal(value, 1) + '"';
}

std::string line(double x1, double y1, double x2, double y2, const char* kind) {
  return "<line class=\"" + std::string(kind) + '"' + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
         attribute("y2", y2) + "/>\n";
}

/// `text` is markup already.
std::string text_at(double x, double y, const char* anchor, const std::string& text, const char* more = "") {
  return "<text" + attribute("x", x) + attribute("y", y) + " text-anchor=\"" + anchor + '"' + more + '>' + text +
         "</text>\n";
}

struct Panel {
  double top, height;
  Unit unit;
  Axis axis;  // in the unit
  const char* title;
  std::function<double(const MonitorSample&)> value;

  double y_of(double value_in_units) const { return top + height * (1 - value_in_units / axis.end); }
};

struct TimeAxis {
  Unit unit;
  Axis axis;  // in the unit
  double x_of(std::chrono::nanoseconds time) const {
    return kLeft + kPlotWidth * (seconds(time) / unit.size) / axis.end;
  }
};

/// The processes with the largest peaks, largest first.
std::vector<const ProcessSeries*> largest(const std::vector<ProcessSeries>& processes) {
  std::vector<const ProcessSeries*> all;
  for (const ProcessSeries& series : processes) all.push_back(&series);
  std::stable_sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->peak_bytes > b->peak_bytes; });
  if (all.size() > kMostLines) all.resize(kMostLines);
  return all;
}

const char* colour_of(std::size_t place) { return kColours[place % std::size(kColours)]; }
/// Lines of one colour differ in their dashes.
std::string dashes_of(std::size_t place) {
  const std::size_t round = place / std::size(kColours);
  return round == 0 ? "" : " stroke-dasharray=\"" + std::to_string(2 * round) + " 2\"";
}

std::string drawn(const Panel& panel, const TimeAxis& time, std::span<const ProcessSeries* const> processes) {
  std::string svg = text_at(kLeft, panel.top - 6, "start", panel.title);
  for (std::size_t i = 0; i < panel.axis.marks(); ++i) {
    const double value = static_cast<double>(i) * panel.axis.step;
    svg += line(kLeft, panel.y_of(value), kLeft + kPlotWidth, panel.y_of(value), i == 0 ? "axis" : "grid");
    svg += text_at(kLeft - 6, panel.y_of(value) + 4, "end",
                   decimal(value, panel.axis.digits) + (*panel.unit.name == '\0' ? "" : " ") + panel.unit.name);
  }
  svg += line(kLeft, panel.top, kLeft, panel.top + panel.height, "axis");
  for (std::size_t i = 0; i < processes.size(); ++i) {
    std::string points;
    double x = 0, y = 0;
    for (const MonitorSample& sample : processes[i]->samples) {
      x = time.x_of(sample.time);
      y = panel.y_of(panel.value(sample) / panel.unit.size);
      points += decimal(x, 1) + ',' + decimal(y, 1) + ' ';
    }
    const std::string style = " stroke=\"" + std::string(colour_of(i)) + '"' + dashes_of(i);
    if (processes[i]->samples.size() == 1) {  // a line of one point is not seen
      svg += "<circle" + attribute("cx", x) + attribute("cy", y) + " r=\"2\" fill=\"" + colour_of(i) + "\"/>\n";
    } else {
      svg += "<polyline" + style + " points=\"" + points + "\"/>\n";
    }
  }
  return svg;
}

/// The widths of marks are bounded, so that the numbers of the axis do not overlap.
std::string drawn(const TimeAxis& time, double bottom) {
  std::string svg;
  for (std::size_t i = 0; i < time.axis.marks(); ++i) {
    const double value = static_cast<double>(i) * time.axis.step;
    const double x = kLeft + kPlotWidth * value / time.axis.end;
    svg += line(x, bottom, x, bottom + 5, "axis");
    svg += text_at(x, bottom + 18, "middle", decimal(value, time.axis.digits));
  }
  return svg + text_at(kLeft + kPlotWidth / 2, bottom + 36, "middle", std::string("time in ") + time.unit.name);
}

struct DrawnLabel {
  double x;
  std::string text;   // shortened
  std::string whole;  // shown to whoever points at the label
  std::optional<std::size_t> row = {};
};

/// In the order of their times. Those without a row have no room for a text.
std::vector<DrawnLabel> labels_of(const std::vector<MonitorNote>& notes, const TimeAxis& time) {
  std::vector<DrawnLabel> labels;
  std::vector<monitor::Label> places;
  for (const MonitorNote& note : notes) {
    if (!note.label) continue;
    std::string whole = detail::in_one_line(note.text, detail::kWhole);
    DrawnLabel label{time.x_of(note.time), shortened(whole, kLabelCharacters), whole};
    if (!note.details.empty()) label.whole += ": " + detail::in_one_line(note.details, detail::kWhole);
    // By its bytes, of which there are no fewer than characters. A character that is twice as wide has three of them.
    places.push_back({label.x, 8 + kCharacterWidth * static_cast<double>(label.text.size())});
    labels.push_back(std::move(label));
  }
  const auto rows = monitor::rows_of(places, kLabelRows);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i].row = rows[i];
  return labels;
}

std::string drawn(const std::vector<DrawnLabel>& labels, double panels_top, double bottom) {
  std::string svg;
  for (const DrawnLabel& label : labels) {
    const std::string title = "<title>" + in_markup(label.whole) + "</title>";
    const double y = kTop + kRowHeight * static_cast<double>(label.row.value_or(0) + 1);
    svg += "<g>" + title + line(label.x, label.row ? y - 10 : panels_top, label.x, bottom, "note");
    if (label.row) svg += text_at(label.x + 4, y, "start", in_markup(label.text));
    svg += "</g>\n";
  }
  return svg;
}

std::string legend(std::span<const ProcessSeries* const> processes, std::size_t not_drawn, double top) {
  std::string svg;
  const double x = kLeft + kPlotWidth + 16;
  double y = top + 10;
  for (std::size_t i = 0; i < processes.size(); ++i, y += kLegendRowHeight) {
    const std::string name = shortened(detail::in_one_line(processes[i]->name), 15);
    svg += "<line x1=\"" + decimal(x, 1) + "\" x2=\"" + decimal(x + 18, 1) + '"' + attribute("y1", y - 4) +
           attribute("y2", y - 4) + " stroke-width=\"2\" stroke=\"" + colour_of(i) + '"' + dashes_of(i) + "/>\n";
    svg += text_at(x + 24, y, "start", in_markup(name) + ' ' + std::to_string(processes[i]->pid));
  }
  if (not_drawn > 0) svg += text_at(x + 24, y, "start", "and " + std::to_string(not_drawn) + " smaller ones");
  return svg;
}

double most_of(std::span<const ProcessSeries* const> processes,
               const std::function<double(const MonitorSample&)>& value) {
  double most = 0;
  for (const ProcessSeries* series : processes) {
    for (const MonitorSample& sample : series->samples) most = std::max(most, value(sample));
  }
  return most;
}

}  // namespace

std::string MonitorResult::svg() const {
  const std::vector<const ProcessSeries*> lines = largest(processes);
  const auto resident = [](const MonitorSample& sample) { return static_cast<double>(sample.resident_bytes); };
  const auto processors = [](const MonitorSample& sample) { return sample.processors; };

  const double time_end = std::max(seconds(duration()), 1e-3);
  const Unit time_unit = monitor::unit_of_seconds(time_end);
  const TimeAxis time{time_unit, axis_to(time_end / time_unit.size, 8)};
  const std::vector<DrawnLabel> labels = labels_of(notes, time);
  std::size_t rows = 0;
  double right = kLeft + kPlotWidth + kRight;
  for (const DrawnLabel& label : labels) {
    if (!label.row) continue;
    rows = std::max(rows, *label.row + 1);
    right = std::max(right, label.x + 12 + kCharacterWidth * static_cast<double>(label.text.size()));
  }

  const double most_bytes = most_of(lines, resident);
  const Unit bytes_unit = monitor::unit_of_bytes(most_bytes);
  const Panel memory{kTop + kRowHeight * static_cast<double>(rows) + 24, kMemoryHeight,     bytes_unit,
                     axis_to(most_bytes / bytes_unit.size, 6),           "resident memory", resident};
  const Panel share{memory.top + memory.height + kGap,
                    kProcessorsHeight,
                    Unit{"", 1},
                    axis_to(std::max(most_of(lines, processors), 0.01), 4),
                    "processors in use",
                    processors};
  const double bottom = share.top + share.height;
  const double legend_rows = static_cast<double>(lines.size() + 1);
  const double height = std::max(bottom + kBottom, memory.top + kLegendRowHeight * legend_rows + 10);

  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + decimal(right, 0) + ' ' + decimal(height, 0) +
         "\" width=\"" + decimal(right, 0) + "\" height=\"" + decimal(height, 0) +
         "\" font-family=\"sans-serif\" font-size=\"11\">\n"
         "<style>.axis{stroke:#333}.grid{stroke:#ddd}.note{stroke:#888;stroke-dasharray:1 2}"
         "polyline{fill:none;stroke-width:1.5;stroke-linejoin:round}</style>\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" +
         drawn(memory, time, lines) + drawn(share, time, lines) + drawn(time, bottom) +
         drawn(labels, memory.top, bottom) + legend(lines, processes.size() - lines.size(), memory.top) + "</svg>\n";
}

}  // namespace coproc::inline v0
