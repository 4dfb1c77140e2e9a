#include "os/control_group.hpp"

#include <new>
#include <sstream>

#include "os/file.hpp"

namespace coproc::inline v0::os {

namespace {

bool has_word(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

}  // namespace

std::optional<std::uint64_t> counter_in(const std::string& text, const std::string& word) {
  std::istringstream lines(text);
  std::string name;
  for (std::uint64_t number = 0; lines >> name >> number;) {
    if (name == word) return number;
  }
  return std::nullopt;
}

std::vector<ControlGroup> list_control_groups(const std::string& controller, const std::string& membership,
                                              const std::string& root) {
  std::vector<ControlGroup> groups;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {  // "0::/user.slice" or "4:cpu,cpuacct:/docker/1f"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_v2 = controllers.empty();
    if (!is_v2 && !has_word(controllers, controller)) continue;
    for (std::string path = line.substr(second + 1);;) {
      if (path == "/") path.clear();
      if (is_v2) {
        groups.push_back({root + path, true});
      } else {
        groups.push_back({root + "/" + controllers + path, false});
        if (controllers != controller) groups.push_back({root + "/" + controller + path, false});
      }
      const std::size_t slash = path.rfind('/');
      if (slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return groups;
}

std::optional<std::uint64_t> out_of_memory_kills_of_groups(const std::string& membership, const std::string& root) {
  for (const ControlGroup& group : list_control_groups("memory", membership, root)) {
    const auto text = read_text(group.directory + (group.is_v2 ? "/memory.events" : "/memory.oom_control"));
    if (!text) continue;
    if (const auto kills = counter_in(*text, "oom_kill")) return kills;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> out_of_memory_kills() noexcept {
  try {
    return out_of_memory_kills_of_groups(read_text("/proc/self/cgroup").value_or(""), "/sys/fs/cgroup");
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

}  // namespace coproc::inline v0::os
