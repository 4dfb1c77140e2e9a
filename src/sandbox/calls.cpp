#include "sandbox/calls.hpp"

#include <algorithm>
#include <vector>

#include "sandbox/call_rows.hpp"

namespace coproc::inline v0::sandbox {

std::span<const Call> calls() {
  static const std::vector<Call> all = [] {
    std::vector<Call> rows(calls_inside().begin(), calls_inside().end());
    rows.insert(rows.end(), calls_outward().begin(), calls_outward().end());
    return rows;
  }();
  return all;
}

std::optional<int> number_of_call(std::string_view name) {
  const auto rows = calls();
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Call& call) { return call.name == name; });
  return row == rows.end() ? std::nullopt : std::optional(row->number);
}

std::string name_of_call(int number) {
  const auto rows = calls();
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Call& call) { return call.number == number; });
  return row == rows.end() ? "system call " + std::to_string(number) : row->name;
}

}  // namespace coproc::inline v0::sandbox
