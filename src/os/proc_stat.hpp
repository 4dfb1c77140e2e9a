// The line by which /proc describes a process or a thread: "12 (name) S 1 ...".
//
// Thread safety: a free function.
#pragma once

#include <optional>
#include <string>

namespace coproc::inline v0::os {

struct ProcStat {
  std::string name;  // at most 15 bytes, which may be any, brackets and spaces among them
  char state = '?';  // 'R', 'S', 'D', 'T', 'Z', ...
  std::string rest;  // what stands behind the name: the state, and then the fourth field and those behind it

  bool operator==(const ProcStat&) const = default;
};

/// Reads the file `stat` of this folder of /proc. nullopt if it cannot be read.
std::optional<ProcStat> read_proc_stat(const std::string& folder);

}  // namespace coproc::inline v0::os
