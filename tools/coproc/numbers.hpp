// Checks the numbers of the command line, so that an error says what the option takes.
//
// CLI11's own checks let NaN pass, which is neither below a range nor above it, and take -1 for the greatest whole
// number.
#pragma once

#include <CLI/CLI.hpp>

#include <charconv>
#include <iomanip>
#include <limits>
#include <sstream>
#include <string>
#include <system_error>

namespace command {

/// A check for an option that takes a number in this range.
template <class Number>
CLI::Validator between(Number least, Number most, const std::string& what) {
  std::ostringstream range;
  range << std::setprecision(std::numeric_limits<double>::digits10) << least << " to " << most;
  const auto check = [least, most, words = what + ", from " + range.str()](const std::string& text) -> std::string {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [behind, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && behind == end && number >= least && number <= most) return {};
    return words + ", not " + (text.empty() ? "nothing" : text);
  };
  return {check, range.str()};
}

inline CLI::Validator process_id() { return between(1, std::numeric_limits<int>::max(), "a process id"); }

}  // namespace command
