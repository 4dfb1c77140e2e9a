// Numbers as text, which no locale changes.
//
// Thread safety: free functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace coproc::inline v0::monitor {

/// With exactly so many digits after the point.
std::string decimal(double value, int digits);

inline double seconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

/// A unit of memory or time, in which the largest value of a drawing has few digits.
struct Unit {
  const char* name;
  double size;  // in bytes, or in seconds
};
Unit unit_of_bytes(double most);
Unit unit_of_seconds(double most);

/// "1.23 MB", by powers of 1000.
std::string bytes_text(std::uint64_t bytes);

}  // namespace coproc::inline v0::monitor
