#include "os/processors.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "os/control_group.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::os {

namespace {

/// ceil(quota / period); 0: no limit.
std::size_t processors_of(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<std::size_t>((quota + period - 1) / period);
}

/// The limit of a version 2 group: "max 100000" or "150000 100000".
std::size_t limit_of_v2(const std::string& directory) {
  const auto text = read_text(directory + "/cpu.max");
  if (!text) return 0;
  std::istringstream words(*text);
  long long quota = 0;
  long long period = 0;
  return words >> quota >> period ? processors_of(quota, period) : 0;
}

std::size_t limit_of_v1(const std::string& directory) {
  const auto quota = read_text(directory + "/cpu.cfs_quota_us");
  const auto period = read_text(directory + "/cpu.cfs_period_us");
  if (!quota || !period) return 0;
  return processors_of(std::atoll(quota->c_str()), std::atoll(period->c_str()));
}

}  // namespace

cpu_set_t allowed_processors() noexcept {
  cpu_set_t processors;
  if (::sched_getaffinity(0, sizeof processors, &processors) == 0) return processors;
  CPU_ZERO(&processors);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &processors);
  return processors;
}

void allow_processors(const cpu_set_t& processors) noexcept {
  (void)::sched_setaffinity(0, sizeof processors, &processors);
}

std::vector<int> list_allowed_processors() {
  const cpu_set_t set = allowed_processors();
  const auto there_are = static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
  std::vector<int> found;
  for (std::size_t cpu = 0; cpu < std::min<std::size_t>(there_are, CPU_SETSIZE); ++cpu) {
    if (CPU_ISSET(cpu, &set)) found.push_back(static_cast<int>(cpu));
  }
  if (found.empty()) found.push_back(0);
  return found;
}

std::size_t processors_of_groups(const std::string& membership, const std::string& root) {
  std::size_t least = 0;
  const auto limit = [&](std::size_t processors) {
    if (processors != 0 && (least == 0 || processors < least)) least = processors;
  };
  // A group's own limit and those of all groups around it count.
  for (const ControlGroup& group : list_control_groups("cpu", membership, root)) {
    limit(group.is_v2 ? limit_of_v2(group.directory) : limit_of_v1(group.directory));
  }
  return least;
}

std::size_t usable_processors() {
  const std::size_t allowed = list_allowed_processors().size();
  const std::size_t granted = processors_of_groups(read_text("/proc/self/cgroup").value_or(""), "/sys/fs/cgroup");
  return granted == 0 ? allowed : std::min(allowed, granted);
}

void pin_to(int processor) noexcept {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(processor), &one);
  allow_processors(one);
}

}  // namespace coproc::inline v0::os
