// Control groups that this process makes for others, of version 1 or 2.
//
// Thread safety: none for one object, and any thread for different ones; `enter_control_group` is a free function for
// the whole process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coproc::inline v0::os {

class OwnControlGroup {
 public:
  /// Makes a group in the one whose directory this is. Throws std::system_error.
  OwnControlGroup(const std::string& parent, const std::string& name);
  OwnControlGroup(const OwnControlGroup&) = delete;
  OwnControlGroup& operator=(const OwnControlGroup&) = delete;
  /// Removes it. If a process is still in it, the next groups that are made or removed try again.
  ~OwnControlGroup();

  const std::string& path() const noexcept { return path_; }
  /// The most memory of all processes in it together. Returns false if this group has no controller for that. Throws
  /// std::system_error.
  bool limit_memory(std::uint64_t bytes) const;
  /// The most processes and threads in it. Returns and throws like limit_memory().
  bool limit_processes(std::uint64_t count) const;
  /// Whether the out-of-memory killer has ended a process of it.
  enum class Killed {
    no,       // or the system does not say
    perhaps,  // one of them, which need not be the one that was killed; of version 1
    yes,      // all of them, since they have reached this group's limit
  };
  Killed was_killed() const;

 private:
  std::string path_;
};

/// From now on this process is in this group, and so are those that it forks. Throws std::system_error.
void enter_control_group(const std::string& path);

}  // namespace coproc::inline v0::os
