// System calls to try filters on: every number, and for those with conditions every argument near what decides.
//
// Thread safety: free functions over values.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "sandbox/calls.hpp"
#include "sandbox/run_filter_for_test.hpp"

namespace coproc::inline v0::sandbox::testing {

inline constexpr int kOwnProcess = 4711;

/// Values of an argument that fit the condition, that nearly fit it, and that fit it only if a half is not looked at.
inline std::set<std::uint64_t> values_near(const Condition& condition) {
  const std::uint64_t value = condition.is_own_process ? kOwnProcess : condition.value;
  std::set<std::uint64_t> values{value, value + 1,   value - 1, 0,
                                 1,     kOwnProcess, ~value,    value | std::uint64_t{1} << 32};
  values.insert(value | ~condition.mask);
  for (int bit = 0; bit < 64; ++bit) values.insert(value ^ std::uint64_t{1} << bit);
  return values;
}

inline std::vector<seccomp_data> simulated_calls() {
  std::map<int, std::vector<Condition>> conditions;
  for (const auto rows : {calls(), calls_denied_by_guard()}) {
    for (const Call& row : rows) {
      for (const Condition& each : row.conditions) {
        if (each.mask != 0) conditions[row.number].push_back(each);
      }
    }
  }
  std::vector<seccomp_data> all;
  for (int number = -1; number < 1100; ++number) {
    all.push_back(call_of(number));
    all.push_back(call_of(number, {~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL}));
    const auto& own = conditions[number];
    // Each pair of conditions with all near values of the first and the fitting one of the others.
    for (const Condition& varied : own) {
      for (const std::uint64_t value : values_near(varied)) {
        std::array<std::uint64_t, 6> arguments{};
        for (const Condition& other : own) {
          arguments[other.argument] = other.is_own_process ? kOwnProcess : other.value;
          arguments[varied.argument] = value;
          all.push_back(call_of(number, arguments));
        }
        for (const Condition& other : own) {
          arguments = {};
          arguments[other.argument] = other.is_own_process ? kOwnProcess : other.value;
          arguments[varied.argument] = value;
          all.push_back(call_of(number, arguments));
        }
      }
    }
  }
  return all;
}

}  // namespace coproc::inline v0::sandbox::testing
