#include "monitor/axis.hpp"

#include <algorithm>
#include <cmath>

namespace coproc::inline v0::monitor {

namespace {
constexpr double kGap = 6;  // between two labels of a row
}  // namespace

Axis axis_to(double most, int steps) {
  if (!(most > 0)) most = 1;
  const double power = std::pow(10, std::floor(std::log10(most / steps)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power * steps >= most * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  const double count = std::max(1.0, std::ceil(most / step - 1e-9));
  const int digits = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return {count * step, step, digits};
}

std::vector<std::optional<std::size_t>> rows_of(std::span<const Label> labels, std::size_t rows) {
  std::vector<double> ends(rows, -1e300);
  std::vector<std::optional<std::size_t>> result;
  for (const Label& label : labels) {
    const auto row = std::find_if(ends.begin(), ends.end(), [&](double end) { return end + kGap <= label.at; });
    if (row == ends.end()) {
      result.emplace_back();
      continue;
    }
    *row = label.at + label.width;
    result.emplace_back(static_cast<std::size_t>(row - ends.begin()));
  }
  return result;
}

}  // namespace coproc::inline v0::monitor
