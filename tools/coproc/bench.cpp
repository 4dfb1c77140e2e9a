#include "bench.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench_works.hpp"
#include "table.hpp"

namespace command {

namespace {

struct Spread {
  double median, low, high;
};

Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  return {values[values.size() / 2], values.front(), values.back()};
}

/// A work, and its figures by rounds.
struct Measured {
  BenchAbout about;
  std::vector<double> coproc, bare, ratio;
};

using Add = void (*)(std::vector<std::unique_ptr<BenchWork>>& works);

/// Appends the works of a group with their figures. What one group has started ends before the next one begins: a fork
/// by hand takes longer in a process that has workers.
void measure(std::vector<Measured>& all, Add add, int rounds, double scale) {
  std::vector<std::unique_ptr<BenchWork>> works;
  add(works);
  std::vector<Measured> group(works.size());
  for (int round = 0; round < rounds; ++round) {  // the outer loop: what slows the machine for a while slows all
    for (std::size_t i = 0; i < works.size(); ++i) {
      const double one = works[i]->by_coproc(scale), other = works[i]->by_hand(scale);
      group[i].coproc.push_back(one);
      group[i].bare.push_back(other);
      group[i].ratio.push_back(one / other);
    }
  }
  for (std::size_t i = 0; i < works.size(); ++i) {
    group[i].about = works[i]->about;
    all.push_back(std::move(group[i]));
  }
}

/// Three digits, or all of those before the point.
std::string text_of(double value) {
  std::array<char, 32> text;
  const int digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.*f", digits, value))};
}

std::string text_of(const Spread& spread) {
  return text_of(spread.median) + " (" + text_of(spread.low) + " to " + text_of(spread.high) + ")";
}

nlohmann::json json_of(const Spread& spread) {
  return {{"median", spread.median}, {"low", spread.low}, {"high", spread.high}};
}

nlohmann::json json_of(const Measured& measured) {
  nlohmann::json object = {{"name", measured.about.name},
                           {"unit", measured.about.unit},
                           {"coproc", json_of(spread_of(measured.coproc))},
                           {"bare", json_of(spread_of(measured.bare))},
                           {"ratio", json_of(spread_of(measured.ratio))},
                           {"published", nullptr}};
  object["bare"]["name"] = measured.about.bare_name;
  if (const auto& published = measured.about.published)
    object["published"] = {{"ratio", published->ratio}, {"low", published->low}, {"high", published->high}};
  return object;
}

int processors() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace

int bench(const BenchRequest& request) {
  const int rounds = request.is_quick ? 3 : 7;
  std::vector<Measured> all;
  for (const Add add : {&add_starts, &add_messages, &add_tasks}) measure(all, add, rounds, request.is_quick ? 0.25 : 1);
  if (request.wants_json) {
    nlohmann::json works = nlohmann::json::array();
    for (const Measured& one : all) works.push_back(json_of(one));
    const nlohmann::json whole = {
        {"version", COPROC_VERSION}, {"processors", processors()}, {"rounds", rounds}, {"works", std::move(works)}};
    std::cout << whole.dump(2) << '\n';
    return 0;
  }
  Table table(
      {{"work"}, {"coproc", true}, {"unit"}, {"beside", true}, {"ratio", true}, {"published", true}, {"beside is"}});
  for (const Measured& one : all) {
    const auto& published = one.about.published;
    table.add({one.about.name, text_of(spread_of(one.coproc)), one.about.unit, text_of(spread_of(one.bare)),
               text_of(spread_of(one.ratio)),
               published ? text_of(Spread{published->ratio, published->low, published->high}) : "",
               one.about.bare_name});
  }
  std::printf("coproc %s, %d processors, medians of %d rounds (lowest to highest)\n", COPROC_VERSION, processors(),
              rounds);
  for (const std::string& line : table.lines()) std::printf("%s\n", line.c_str());
  return 0;
}

}  // namespace command
