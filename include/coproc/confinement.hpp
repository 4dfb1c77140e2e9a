// What really holds in a confined process.
#pragma once

#include <string>
#include <vector>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// What the system enforces in a worker, which may be less than was asked for (`Sandbox::best_effort`).
struct Confinement {
  /// Whether a filter looks at each of its system calls.
  bool filters_calls = false;
  /// The version of Landlock whose rules hold; 0: none.
  int landlock_abi = 0;
  /// Whether Landlock keeps signals of the worker from all processes that it has not started. Where the filter is that
  /// of compute(), files() or client() without execute(), it does so alone, too.
  bool scopes_signals = false;
  /// The limits that were set, such as "memory: 536870912 bytes (RLIMIT_DATA)".
  std::vector<std::string> limits = {};
  /// What was asked for and is not enforced, with the reason. Empty unless the sandbox is `best_effort()`.
  std::vector<std::string> missing = {};

  /// Whether everything that was asked for holds.
  bool is_complete() const noexcept { return missing.empty(); }
  /// All of this in lines.
  COPROC_API std::string describe() const;
};

}  // namespace coproc::inline v0
