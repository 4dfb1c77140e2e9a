// Control groups that this process makes for others, of version 1 or 2.
//
// Thread safety: none; `enter_control_group` is a free function for the whole process.
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
  ~OwnControlGroup() { remove(); }

  const std::string& path() const noexcept { return path_; }
  /// The most memory of all processes in it together. Returns false if this group has no controller for that. Throws
  /// std::system_error.
  bool limit_memory(std::uint64_t bytes) const;
  /// The most processes and threads in it. Returns and throws like limit_memory().
  bool limit_processes(std::uint64_t count) const;
  /// How many of its processes the out-of-memory killer has ended; nullopt: the system does not say.
  std::optional<std::uint64_t> out_of_memory_kills() const;
  /// Removes it, unless a process is in it. Does nothing if it was removed.
  void remove() noexcept;

 private:
  std::string path_;  // empty: it was removed
};

/// From now on this process is in this group, and so are those that it forks. Throws std::system_error.
void enter_control_group(const std::string& path);

}  // namespace coproc::inline v0::os
