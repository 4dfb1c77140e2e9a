#include "start_of.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

#include "os/file.hpp"
#include "process/fork_server.hpp"

namespace command {

namespace {

namespace os = coproc::os;
namespace process = coproc::process;

const std::string kRoleWord = "coproc:";

/// Where the environment of a process begins. Each execution puts it elsewhere, and a fork leaves it there. Zero for
/// those who may not know.
std::optional<std::uint64_t> place_of_environment(pid_t pid) {
  const auto stat = os::read_proc_stat("/proc/" + std::to_string(pid));
  const auto place = stat ? field_of(*stat, kEnvironmentField) : std::nullopt;
  return place && *place != 0 ? place : std::nullopt;
}

/// The last word of its command line, which says what an execution of the same program is for.
std::string last_word_of(pid_t pid) {
  std::string words = os::read_text("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
  while (words.ends_with('\0')) words.pop_back();
  return words.substr(words.rfind('\0') + 1);
}

/// Whether its addresses are random. Without that, all executions of a program have the same.
bool has_random_addresses(pid_t pid) {
  constexpr std::uint64_t kNoRandomAddresses = 0x0004'0000;
  const std::string text = os::read_text("/proc/" + std::to_string(pid) + "/personality").value_or("");
  std::uint64_t bits = kNoRandomAddresses;  // it is not known
  std::from_chars(text.data(), text.data() + text.size(), bits, 16);
  return (bits & kNoRandomAddresses) == 0 &&
         !os::read_text("/proc/sys/kernel/randomize_va_space").value_or("0").starts_with('0');
}

}  // namespace

std::optional<std::uint64_t> field_of(const os::ProcStat& stat, int number) {
  std::string_view left = stat.rest;  // begins with field 3
  for (int field = 3; field < number; ++field) {
    const std::size_t space = left.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    left.remove_prefix(space + 1);
  }
  std::uint64_t value = 0;
  if (std::from_chars(left.data(), left.data() + left.size(), value).ec != std::errc()) return std::nullopt;
  return value;
}

std::string start_of(pid_t worker, pid_t host) {
  const auto own = place_of_environment(worker), hosts = place_of_environment(host);
  if (!own || !hosts) return {};
  const std::string word = last_word_of(worker);
  if (own == hosts && word == last_word_of(host)) return has_random_addresses(host) ? "fork" : "";
  if (word == kRoleWord + process::kForkServerRole) return process::kForkServerRole;
  if (word == kRoleWord + process::kSpawnRole) return process::kSpawnRole;
  return "executable";
}

}  // namespace command
