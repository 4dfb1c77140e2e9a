// Where the numbers of an axis and the labels of a drawing stand.
//
// Thread safety: free functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace coproc::inline v0::monitor {

struct Axis {
  double end = 1;   // the value at its end: the last of its marks
  double step = 1;  // 1, 2 or 5 times a power of ten
  int digits = 0;   // that a mark needs after the point
  std::size_t marks() const { return static_cast<std::size_t>(end / step + 0.5) + 1; }
};
/// From 0 to at least `most`, with at most `steps` steps (which are 2 at least).
Axis axis_to(double most, int steps);

struct Label {
  double at = 0;     // where its text begins
  double width = 0;  // of its text
};
/// The row of each label, from 0, such that no two texts overlap; nullopt for those for which there is no room. The
/// labels are in the order of `at`.
std::vector<std::optional<std::size_t>> rows_of(std::span<const Label> labels, std::size_t rows);

}  // namespace coproc::inline v0::monitor
