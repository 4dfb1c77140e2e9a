#include "top.hpp"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "collector.hpp"
#include "described.hpp"
#include "described_link.hpp"
#include "monitor/numbers.hpp"
#include "screen.hpp"
#include "table.hpp"

namespace command {

namespace {

using coproc::monitor::bytes_text;
using coproc::monitor::decimal;

/// "12", "3.1 k", "1.1 M".
std::string count_text(double value) {
  if (value >= 999'500) return decimal(value / 1e6, 1) + " M";
  if (value >= 999.5) return decimal(value / 1e3, 1) + " k";
  return decimal(value, value > 0 && value < 9.95 ? 1 : 0);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (whole < 60) return std::to_string(whole) + " s";
  const auto two_digits = [](std::uint64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  if (whole < 3600) return std::to_string(whole / 60) + ':' + two_digits(whole % 60);
  return std::to_string(whole / 3600) + ':' + two_digits(whole / 60 % 60) + ':' + two_digits(whole % 60);
}

constexpr double kMostRate = 1e18;  // bytes a second; what a link says may be anything

/// Messages a second, or bytes where messages cannot be counted.
std::string rate_text(const std::optional<RingRate>& rate) {
  if (!rate) return "?";
  if (rate->messages) return count_text(*rate->messages);
  return bytes_text(static_cast<std::uint64_t>(std::clamp(rate->bytes, 0.0, kMostRate))) + "/s";
}

std::string clock_text() {
  const std::time_t now = ::time(nullptr);
  tm local{};
  std::array<char, 16> text{};
  if (::localtime_r(&now, &local) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), "%H:%M:%S", &local)};
}

std::string summary(const Seen& seen) {
  const auto workers = std::ranges::count_if(
      seen.processes, [&](const SeenProcess& one) { return seen.link_of_worker(one.pid) != nullptr; });
  return "coproc top, " + clock_text() + ": " + std::to_string(seen.processes.size()) + " processes, " +
         std::to_string(workers) + " of them workers";
}

std::vector<std::string> picture_of(Collector& collector) {
  const Seen& seen = collector.seen();
  const Rates& rates = collector.rates();
  Table table({{"process"},
               {"pid", true},
               {"state"},
               {"for", true},
               {"cpu", true},
               {"memory", true},
               {"shared", true},
               {"to it/s", true},
               {"unread", true},
               {"back/s", true},
               {"unread", true}});
  for (const auto& [process, depth] : tree_of(seen)) {
    const auto rate = rates.of(*process);
    const coproc::os::ProcessSample& sample = process->sample;
    std::vector<std::string> row = {
        std::string(static_cast<std::size_t>(2 * depth), ' ') + name_of(*process),
        std::to_string(process->pid),
        state_of(seen, *process).text(),
        rate ? duration_text(rate->state_seconds) : "",
        rate ? std::to_string(std::lround(100 * rate->processors)) + " %" : "?",
        bytes_text(sample.resident_bytes - std::min(sample.resident_bytes, sample.shared_bytes)),
        bytes_text(sample.shared_bytes)};
    const SeenLink* const link = seen.link_of_worker(process->pid);
    for (const int from : {0, 1}) {
      if (link == nullptr || !link->sight) continue;
      row.push_back(rate_text(rates.of(*link, from)));
      row.push_back(unread_text(collector.watcher(), *link, from));
    }
    row.resize(11);
    table.add(std::move(row));
  }
  std::vector<std::string> lines = {summary(seen)};
  for (std::string& line : table.lines()) lines.push_back(std::move(line));
  if (std::string hidden = hidden_text(seen); collector.sees_all() && !hidden.empty())
    lines.push_back(std::move(hidden));
  return lines;
}

}  // namespace

int top(const TopRequest& request) {
  Collector collector(request.pids);
  if (!report_missing(collector.seen(), request.pids)) return 1;

  std::optional<Screen> screen;
  if (!request.wants_json && Screen::is_there()) screen.emplace();
  if (screen) screen->show(picture_of(collector));
  for (unsigned long shown = 0; request.count == 0 || shown < request.count; ++shown) {
    using Clock = Collector::Time::clock;
    const auto next = collector.time() + request.interval;
    // Keys and signals are heeded even if a picture takes longer than the interval.
    for (bool is_first = true; is_first || Clock::now() < next; is_first = false) {
      if (!screen) {
        std::this_thread::sleep_until(next);
        continue;
      }
      const Screen::Waited waited = screen->wait(next - Clock::now());
      if (waited.is_over) return screen->signal() == 0 ? 0 : 128 + screen->signal();
      if (waited.is_early) screen->show(picture_of(collector));
    }
    collector.look();
    if (request.wants_json) {
      std::cout << text_of(collector.json(), -1) << std::endl;
      continue;
    }
    const auto lines = picture_of(collector);
    if (screen) {
      screen->show(lines);
      continue;
    }
    for (const std::string& line : lines) std::cout << line << '\n';
    std::cout << std::endl;
  }
  return 0;
}

}  // namespace command
