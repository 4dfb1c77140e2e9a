// Runs candidates in turn (A B C, A B C, ...), and prints medians and ratios as a table and as JSON.
//
// A ratio is the median of the ratios within a round: what slows the machine for a while slows both sides of it.
// A trial counts only if the processors were as near to each other after it as before it, a ratio only if they were for
// both of its trials.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "machine.hpp"

namespace bench {

struct Options {
  int rounds = 15;
  bool one_processor = false;
  double quiet_seconds = 0;  // how long in all to wait for moments in which nothing else runs
  std::string json_file;
  int host_processor = 0, peer_processor = 0;
};

/// Ends the program where the arguments are wrong. Pins this process to its processor.
inline Options read_options(int argc, char** argv) {
  Options options;
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool has_value = i + 1 < arguments.size();
    if (arguments[i] == "--one-processor") {
      options.one_processor = true;
    } else if (arguments[i] == "--rounds" && has_value && std::atoi(arguments[i + 1].data()) > 0) {
      options.rounds = std::atoi(arguments[++i].data());
    } else if (arguments[i] == "--wait-for-quiet" && has_value) {
      options.quiet_seconds = std::atof(arguments[++i].data());
    } else if (arguments[i] == "--json" && has_value) {
      options.json_file = arguments[++i];
    } else {
      std::fprintf(stderr, "usage: %s [--rounds N] [--one-processor] [--wait-for-quiet SECONDS] [--json FILE]\n",
                   argv[0]);
      std::exit(2);
    }
  }
  const std::vector<int> usable = processors();
  if (usable.size() < 2) options.one_processor = true;
  options.host_processor = usable.front();
  options.peer_processor = options.one_processor ? usable.front() : usable.back();
  pin_to(options.host_processor);
  return options;
}

struct Summary {
  double median = 0, min = 0, max = 0;
  std::size_t count = 0;
};
inline Summary summarise(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return {(values[(n - 1) / 2] + values[n / 2]) / 2, values.front(), values.back(), n};
}

class Comparison {
 public:
  /// `unit` of what each candidate's trial returns.
  Comparison(std::string title, std::string unit, Options options)
      : title_(std::move(title)), unit_(std::move(unit)), options_(std::move(options)) {}

  void add(std::string name, std::function<double()> trial) {
    candidates_.push_back({std::move(name), std::move(trial), {}});
  }
  /// To be printed: `of` divided by `to`, and what it shall be at most, if there is a mark.
  void compare(std::string of, std::string to, std::optional<double> at_most = {}) {
    ratios_.push_back({std::move(of), std::move(to), at_most});
  }
  /// To be printed: what a candidate's median shall be at least.
  void expect_at_least(std::string of, double at_least) { marks_.push_back({std::move(of), at_least}); }

  void run() {
    const MachineTime start = MachineTime::read();
    double quiet_seconds = options_.quiet_seconds;
    for (int round = 0; round < options_.rounds; ++round) {
      for (Candidate& candidate : candidates_) {
        quiet_seconds -= wait_for_quiet(quiet_seconds);
        alarm(60);  // ends this process where a side hangs; the other side dies with it
        const double before = probe();
        const double value = candidate.run();
        candidate.trials.push_back({value, before, probe()});
        alarm(0);
      }
    }
    stolen_percent_ = MachineTime::read().stolen_percent_since(start);
    print();
    if (!options_.json_file.empty()) write_json();
  }

 private:
  struct Trial {
    double value;
    double before, after;  // microseconds of the flag ping-pong
    bool is_steady() const { return std::max(before, after) <= 1.4 * std::min(before, after); }
  };
  struct Candidate {
    std::string name;
    std::function<double()> run;
    std::vector<Trial> trials;
  };
  struct Ratio {
    std::string of, to;
    std::optional<double> at_most;
  };
  struct Mark {
    std::string of;
    double at_least;
  };

  double probe() const { return options_.one_processor ? 1 : probe_distance(options_.peer_processor); }

  const Candidate& find(const std::string& name) const {
    for (const Candidate& candidate : candidates_) {
      if (candidate.name == name) return candidate;
    }
    throw std::logic_error("no candidate " + name);
  }
  static Summary values_of(const Candidate& candidate) {
    std::vector<double> values;
    for (const Trial& trial : candidate.trials) {
      if (trial.is_steady()) values.push_back(trial.value);
    }
    return summarise(values);
  }
  Summary distances() const {
    std::vector<double> values;
    for (const Candidate& candidate : candidates_) {
      for (const Trial& trial : candidate.trials) values.push_back(trial.after);
    }
    return summarise(values);
  }
  Summary ratios_of(const Ratio& ratio) const {
    const auto& of = find(ratio.of).trials;
    const auto& to = find(ratio.to).trials;
    std::vector<double> values;
    for (std::size_t i = 0; i < of.size(); ++i) {
      const bool are_alike = Trial{0, of[i].before, to[i].before}.is_steady();
      if (of[i].is_steady() && to[i].is_steady() && are_alike) values.push_back(of[i].value / to[i].value);
    }
    return summarise(values);
  }

  void print() const {
    std::printf("%s, %s (%s)\n", title_.c_str(), unit_.c_str(),
                options_.one_processor ? "one processor" : "two processors");
    std::printf("%s, %s, %s; stolen %.1f %%\n", processor_name().c_str(), kernel_name().c_str(),
                compiler_name().c_str(), stolen_percent_);
    if (!options_.one_processor) {
      const Summary distance = distances();
      std::printf("flag there and back: median %.3f us, min %.3f, max %.3f\n", distance.median, distance.min,
                  distance.max);
    }
    std::printf("  %-34s %10s %10s %10s   kept\n", "", "median", "min", "max");
    for (const Candidate& candidate : candidates_) {
      const Summary s = values_of(candidate);
      std::printf("  %-34s %10.3f %10.3f %10.3f   %zu of %zu\n", candidate.name.c_str(), s.median, s.min, s.max,
                  s.count, candidate.trials.size());
    }
    for (const Ratio& ratio : ratios_) {
      const Summary s = ratios_of(ratio);
      std::printf("  %s / %s: %.3f (min %.3f, max %.3f, %zu rounds)", ratio.of.c_str(), ratio.to.c_str(), s.median,
                  s.min, s.max, s.count);
      if (ratio.at_most) {
        std::printf(", mark at most %.3g: %s", *ratio.at_most, verdict(s, s.median <= *ratio.at_most));
      }
      std::printf("\n");
    }
    for (const Mark& mark : marks_) {
      const Summary s = values_of(find(mark.of));
      std::printf("  %s: mark at least %.3g %s: %s\n", mark.of.c_str(), mark.at_least, unit_.c_str(),
                  verdict(s, s.median >= mark.at_least));
    }
    std::fflush(stdout);
  }
  static const char* verdict(const Summary& s, bool is_met) {
    if (s.count < 3) return "not known, too few steady trials: run it where nothing else runs";
    return is_met ? "met" : "MISSED";
  }

  static std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
    return result + '"';
  }
  static void write(std::ostream& out, const Summary& s) {
    out << "\"median\": " << s.median << ", \"min\": " << s.min << ", \"max\": " << s.max << ", \"count\": " << s.count;
  }
  void write_json() const {
    std::ofstream out(options_.json_file);
    out << "{\"title\": " << quoted(title_) << ", \"unit\": " << quoted(unit_)
        << ", \"one_processor\": " << (options_.one_processor ? "true" : "false")
        << ",\n \"machine\": {\"processor\": " << quoted(processor_name()) << ", \"kernel\": " << quoted(kernel_name())
        << ", \"compiler\": " << quoted(compiler_name()) << ", \"stolen_percent\": " << stolen_percent_
        << "},\n \"candidates\": [";
    const char* separator = "\n";
    for (const Candidate& candidate : candidates_) {
      out << std::exchange(separator, ",\n") << "  {\"name\": " << quoted(candidate.name) << ", ";
      write(out, values_of(candidate));
      out << ", \"trials\": [";
      const char* comma = "";
      for (const Trial& trial : candidate.trials) {
        out << std::exchange(comma, ", ") << "{\"value\": " << trial.value << ", \"distance_before\": " << trial.before
            << ", \"distance_after\": " << trial.after << '}';
      }
      out << "]}";
    }
    out << "],\n \"ratios\": [";
    separator = "\n";
    for (const Ratio& ratio : ratios_) {
      out << std::exchange(separator, ",\n") << "  {\"of\": " << quoted(ratio.of) << ", \"to\": " << quoted(ratio.to)
          << ", ";
      if (ratio.at_most) out << "\"at_most\": " << *ratio.at_most << ", ";
      write(out, ratios_of(ratio));
      out << '}';
    }
    out << "]}\n";
    if (!out.flush()) throw std::runtime_error("cannot write " + options_.json_file + ": give another file to --json");
  }

  std::string title_, unit_;
  Options options_;
  std::vector<Candidate> candidates_;
  std::vector<Ratio> ratios_;
  std::vector<Mark> marks_;
  double stolen_percent_ = 0;
};

inline void check(bool is_right, const char* what) {
  if (!is_right) throw std::runtime_error(std::string("wrong content: ") + what);
}

/// `main` of every benchmark: an exception is its text and code 1.
template <class Body>
int run_main(int argc, char** argv, Body body) {
  try {
    body(read_options(argc, argv));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
  }
}

}  // namespace bench
