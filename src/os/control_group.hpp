// The control groups that this process is in, of version 1 or 2.
//
// Thread safety: free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coproc::inline v0::os {

struct ControlGroup {
  std::string directory;
  bool is_v2 = false;
};
/// The places where the files of the groups may be that this controller ("cpu") has this process in: its own group
/// first, then those around it. `membership` is the text of /proc/self/cgroup, `root` the directory where the group
/// file systems are mounted. In a container the path of a group may lead outside of what is mounted, and the root of
/// what is mounted is then its own group.
std::vector<ControlGroup> list_control_groups(const std::string& controller, const std::string& membership,
                                              const std::string& root);

/// The number behind this word, which begins a line of a control file.
std::optional<std::uint64_t> counter_in(std::string_view text, std::string_view word) noexcept;

/// How many processes of a control group the out-of-memory killer has ended.
struct OutOfMemoryKills {
  std::uint64_t count;
  std::string file;  // says so
  /// Whether there are more by now; false also if the system does not say it any more. It looks at the same group,
  /// whichever this process is in by then.
  bool are_more_now() const noexcept;
};
/// Those of this process's control group; nullopt: the system does not say, as for processes that are in no group of
/// their own.
std::optional<OutOfMemoryKills> out_of_memory_kills() noexcept;
/// The same of another membership, as above.
std::optional<OutOfMemoryKills> out_of_memory_kills_of_groups(const std::string& membership, const std::string& root);

}  // namespace coproc::inline v0::os
