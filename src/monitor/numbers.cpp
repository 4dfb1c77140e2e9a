#include "monitor/numbers.hpp"

#include <charconv>

namespace coproc::inline v0::monitor {

std::string decimal(double value, int digits) {
  char text[350];  // the largest double has 309 digits before the point
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
  return {text, end.ptr};
}

Unit unit_of_bytes(double most) {
  if (most >= 1e9) return {"GB", 1e9};
  if (most >= 1e6) return {"MB", 1e6};
  if (most >= 1e3) return {"kB", 1e3};
  return {"B", 1};
}

Unit unit_of_seconds(double most) {
  if (most > 3 * 3600) return {"h", 3600};
  if (most > 180) return {"min", 60};
  if (most < 0.5) return {"ms", 1e-3};
  return {"s", 1};
}

std::string bytes_text(std::uint64_t bytes) {
  const Unit unit = unit_of_bytes(static_cast<double>(bytes));
  return decimal(static_cast<double>(bytes) / unit.size, unit.size > 1 ? 2 : 0) + " " + unit.name;
}

}  // namespace coproc::inline v0::monitor
