#include "monitor/thinned.hpp"

#include <algorithm>

#include "monitor/numbers.hpp"

namespace coproc::inline v0::monitor {

void Thinned::add(MonitorSample sample) {
  const bool is_kept = offered_ % stride_ == 0;
  ++offered_;
  if (!is_kept) return;
  if (series_.samples.size() == most_) {
    halve();
    if ((offered_ - 1) % stride_ != 0) return;
  }
  series_.samples.push_back(sample);
  set_processors(series_.samples.size() - 1);
}

void Thinned::halve() {
  std::vector<MonitorSample>& samples = series_.samples;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < samples.size(); i += 2) samples[kept++] = samples[i];
  samples.resize(kept);
  stride_ *= 2;
  for (std::size_t i = 0; i < kept; ++i) set_processors(i);
}

void Thinned::set_processors(std::size_t i) {
  std::vector<MonitorSample>& samples = series_.samples;
  samples[i].processors = 0;
  if (i == 0) return;
  const double time = seconds(samples[i].time - samples[i - 1].time);
  const double used = seconds(samples[i].processor_time - samples[i - 1].processor_time);
  if (time > 0) samples[i].processors = std::max(0.0, used / time);
}

}  // namespace coproc::inline v0::monitor
