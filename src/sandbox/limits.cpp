#include "sandbox/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "coproc/errors.hpp"
#include "os/resource_limits.hpp"
#include "os/sanitizer.hpp"
#include "sandbox/confine.hpp"

namespace coproc::inline v0::sandbox {

namespace {

/// Until SIGKILL follows a SIGXCPU that the worker handles. If both came at once, the report would speak of a kill that
/// nobody has sent.
constexpr std::uint64_t kGraceSeconds = 2;

/// What a worker needs in order to say that it has no memory left.
constexpr std::uint64_t kLeastFreeBytes = 1 << 20;

void limit_memory(std::uint64_t bytes) {
  if (os::kHasSanitizer) return;  // its shadow counts, too
  if (const auto used = os::data_bytes(); used && *used + kLeastFreeBytes > bytes) {
    throw Refused{ENOMEM, "Limits::memory is " + std::to_string(bytes) + " bytes, and its process begins with " +
                              std::to_string(*used) +
                              ": give it more, or start it by the fork server, which is smaller than a fork of the "
                              "host"};
  }
  os::lower_limit(RLIMIT_DATA, "RLIMIT_DATA", bytes, bytes);
}

/// poll() fails for more descriptors than the limit, and those that are open must stay usable.
void limit_descriptors(std::uint64_t count) {
  count = std::max(count, static_cast<std::uint64_t>(os::highest_descriptor() + 1));
  os::lower_limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", count, count);
}

}  // namespace

void check_limits(const Limits& limits) {
  if (limits.cpu_time && limits.cpu_time->count() < 1) {
    throw InvalidArgumentError("Limits::cpu_time is " + std::to_string(limits.cpu_time->count()) +
                               " s: the system counts in seconds, from 1 on");
  }
  if (limits.priority && (*limits.priority < 0 || *limits.priority > 19)) {
    throw InvalidArgumentError("Limits::priority is " + std::to_string(*limits.priority) +
                               ": choose a nice value from 0 to 19");
  }
}

void set_limits(const Limits& limits) {
  if (limits.memory) limit_memory(*limits.memory);
  if (limits.cpu_time) {
    const auto seconds = static_cast<std::uint64_t>(limits.cpu_time->count());
    os::lower_limit(RLIMIT_CPU, "RLIMIT_CPU", seconds, seconds + kGraceSeconds);
  }
  if (limits.open_files) limit_descriptors(*limits.open_files);
  if (limits.processes) os::lower_limit(RLIMIT_NPROC, "RLIMIT_NPROC", *limits.processes, *limits.processes);
  if (limits.file_size) os::lower_limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", *limits.file_size, *limits.file_size);
  if (limits.priority) os::set_priority(*limits.priority);
}

std::vector<std::string> describe_limits(const Limits& limits) {
  std::vector<std::string> lines;
  const auto add = [&](const char* name, auto value, const char* unit, const char* kind) {
    lines.push_back(std::string(name) + ": " + std::to_string(value) + unit + " (" + kind + ")");
  };
  if (limits.memory && !os::kHasSanitizer) add("memory", *limits.memory, " bytes", "RLIMIT_DATA");
  if (limits.cpu_time) add("cpu_time", limits.cpu_time->count(), " s", "RLIMIT_CPU");
  if (limits.open_files) add("open_files", *limits.open_files, "", "RLIMIT_NOFILE");
  if (limits.processes) add("processes", *limits.processes, " of the user", "RLIMIT_NPROC");
  if (limits.file_size) add("file_size", *limits.file_size, " bytes", "RLIMIT_FSIZE");
  if (limits.priority) add("priority", *limits.priority, "", "nice");
  return lines;
}

}  // namespace coproc::inline v0::sandbox
