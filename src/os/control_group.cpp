#include "os/control_group.hpp"

#include <algorithm>
#include <charconv>
#include <new>
#include <sstream>
#include <system_error>
#include <utility>

#include "os/file.hpp"

namespace coproc::inline v0::os {

namespace {

bool has_word(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

}  // namespace

std::optional<std::uint64_t> counter_in(std::string_view text, std::string_view word) noexcept {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(word) || line.size() <= word.size() || line[word.size()] != ' ') continue;
    std::uint64_t number = 0;
    const auto end = std::from_chars(line.data() + word.size() + 1, line.data() + line.size(), number);
    if (end.ec == std::errc()) return number;
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

namespace {

std::optional<std::uint64_t> kills_in(const std::string& file) {
  const auto text = read_text(file);
  return text ? counter_in(*text, "oom_kill") : std::nullopt;
}

}  // namespace

bool OutOfMemoryKills::are_more_now() const noexcept {
  try {
    return kills_in(file).value_or(0) > count;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

std::optional<OutOfMemoryKills> out_of_memory_kills_of_groups(const std::string& membership, const std::string& root) {
  for (ControlGroup& group : list_control_groups("memory", membership, root)) {
    std::string file = std::move(group.directory) + (group.is_v2 ? "/memory.events" : "/memory.oom_control");
    if (const auto count = kills_in(file)) return OutOfMemoryKills{*count, std::move(file)};
  }
  return std::nullopt;
}

std::optional<OutOfMemoryKills> out_of_memory_kills() noexcept {
  try {
    return out_of_memory_kills_of_groups(read_text("/proc/self/cgroup").value_or(""), "/sys/fs/cgroup");
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

}  // namespace coproc::inline v0::os
