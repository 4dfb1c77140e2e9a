// What a child process inherits, and what a running fork server cannot see change: users, groups, rights,
// confinement, limits, scheduling, session.
//
// Thread safety: values. They are those of the calling thread, as they would be for a fork.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/file.hpp"

namespace coproc::inline v0::os {

struct Inheritance {
  std::array<uid_t, 3> users{};   // real, effective, saved
  std::array<gid_t, 3> groups{};  // the same
  std::vector<gid_t> other_groups;
  std::array<std::array<rlim_t, 2>, RLIM_NLIMITS> limits{};  // soft, hard
  pid_t process_group = 0;                                   // to which a terminal's Ctrl-C and hang-up go
  pid_t session = 0;
  std::optional<FileId> root;
  std::array<std::int64_t, 3> scheduling{};  // policy, priority, nice value
  /// Capabilities, no_new_privs, seccomp's mode and number of filters, umask, oom_score_adj, namespaces, and the
  /// label of a security module (AppArmor, SELinux), as /proc words them. Without /proc: the first three.
  std::string rights;

  /// Returns the present state of this process. Throws std::system_error.
  static Inheritance now();
  bool operator==(const Inheritance&) const = default;
};

}  // namespace coproc::inline v0::os
