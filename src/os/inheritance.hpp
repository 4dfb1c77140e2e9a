// What a child process inherits and a running fork server cannot see change: users, groups, limits, session.
//
// Thread safety: values.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <vector>

namespace coproc::inline v0::os {

struct Inheritance {
  std::array<uid_t, 3> users{};   // real, effective, saved
  std::array<gid_t, 3> groups{};  // the same
  std::vector<gid_t> other_groups;
  std::array<std::array<rlim_t, 2>, RLIM_NLIMITS> limits{};  // soft, hard
  pid_t process_group = 0;                                   // which a terminal's Ctrl-C and hang-up go to
  pid_t session = 0;

  /// Of this process. Throws std::system_error.
  static Inheritance now();
  bool operator==(const Inheritance&) const = default;
};

}  // namespace coproc::inline v0::os
