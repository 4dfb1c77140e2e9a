// The samples of one process in a bounded number of places.
//
// Thread safety: a value.
// Invariants: there are at most `most` samples, all the same time apart but for those that the system did not give; the
// first one stays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "coproc/monitor_result.hpp"

namespace coproc::inline v0::monitor {

class Thinned {
 public:
  /// `most` is 2 at least.
  Thinned(ProcessSeries series, std::size_t most) : series_(std::move(series)), most_(most) {}

  /// Keeps the sample, or not: once there were too many, only every second one is kept, then every fourth.
  /// `MonitorSample::processors` is set here.
  void add(MonitorSample sample);
  /// The process has ended.
  void end() { series_.has_ended = true; }

  ProcessSeries& series() noexcept { return series_; }
  const ProcessSeries& series() const noexcept { return series_; }

 private:
  void halve();
  void set_processors(std::size_t i);

  ProcessSeries series_;
  std::size_t most_;
  std::uint64_t stride_ = 1;
  std::uint64_t offered_ = 0;
};

}  // namespace coproc::inline v0::monitor
