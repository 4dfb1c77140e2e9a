// The works of `coproc bench`: each is done by coproc and by a bare program, in turn.
//
// Thread safety: none.
// Invariants: what a work has started is idle between its measurements, and ends with it.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace command {

/// A ratio that docs/performance.md publishes, with its spread over the rounds.
struct Published {
  double ratio, low, high;
};

struct BenchAbout {
  std::string name;
  std::string unit;       // "us", or of a rate "MB/s" or "tasks/s"
  std::string bare_name;  // what is done by hand
  std::optional<Published> published;
};

class BenchWork {
 public:
  BenchWork() = default;
  BenchWork(const BenchWork&) = delete;
  BenchWork& operator=(const BenchWork&) = delete;
  virtual ~BenchWork() = default;

  /// One measurement, in `unit`. `scale` is the effort: 1 takes some ten milliseconds.
  virtual double by_coproc(double scale) = 0;
  virtual double by_hand(double scale) = 0;

  BenchAbout about;
};

/// Append works and start what they need. Throw what a start of a worker throws.
void add_starts(std::vector<std::unique_ptr<BenchWork>>& works);
void add_messages(std::vector<std::unique_ptr<BenchWork>>& works);
void add_tasks(std::vector<std::unique_ptr<BenchWork>>& works);

inline void check(bool is_right) {
  if (!is_right) throw std::runtime_error("bench: an answer was another one");
}

}  // namespace command
