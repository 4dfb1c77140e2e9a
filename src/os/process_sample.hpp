// What a process takes just now: memory and processor time, as the system counts them.
//
// Thread safety: free functions.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coproc::inline v0::os {

struct ProcessSample {
  std::string name;  // at most 15 bytes, which may be any
  char state = '?';  // 'R', 'S', 'D', 'T', 'Z', ...
  std::uint32_t threads = 0;
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;  // since boot; with the pid it names one process, since pids are used again
  std::uint64_t resident_bytes = 0;
  std::uint64_t shared_bytes = 0;  // the part of the resident bytes that files and shared memory are behind
  std::uint64_t peak_bytes = 0;    // the most resident bytes since the program's start; 0 if the system does not tell
  std::chrono::nanoseconds processor_time{0};  // of all threads, those that have ended among them
};

/// nullopt: there is no such process. Throws std::system_error if there is one about which the system says nothing.
std::optional<ProcessSample> sample_process(pid_t pid);

/// The processor time of all threads of a process, to the nanosecond; nullopt if there is no such process, or if the
/// system does not tell.
std::optional<std::chrono::nanoseconds> processor_time_of(pid_t pid);

/// The children of all threads of a process; none if there is no such process. A child may be missing if another one
/// ends at the same moment.
std::vector<pid_t> children_of(pid_t pid);

}  // namespace coproc::inline v0::os
