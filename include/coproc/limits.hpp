// Limits on what a worker may use.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace coproc::inline v0 {

/// What a worker may use (`WorkerOptions::limits`). A limit that is not set stays as the host's is, and none can be
/// raised. They are set in the worker before its target runs, and hold for the processes that it starts, for each of
/// them anew.
struct Limits {
  /// The bytes of memory that the worker may have of its own (RLIMIT_DATA): heap, stacks of threads, variables. Memory
  /// of its link and loans are not counted. What exceeds it is a std::bad_alloc in the worker.
  std::optional<std::size_t> memory = {};
  /// The time on processors, at least 1 s. After that SIGXCPU ends the worker, or SIGKILL 2 s later (RLIMIT_CPU).
  std::optional<std::chrono::seconds> cpu_time = {};
  /// The open descriptors (RLIMIT_NOFILE). Where the worker begins with more, it is what it begins with.
  std::optional<std::size_t> open_files = {};
  /// The processes and threads of the worker's user, all of them on this machine (RLIMIT_NPROC). It does not limit
  /// root.
  std::optional<std::size_t> processes = {};
  /// The bytes of the largest file that the worker may write (RLIMIT_FSIZE). SIGXFSZ ends a worker that exceeds it.
  /// Memory of its link and loans are not counted.
  std::optional<std::uint64_t> file_size = {};
  /// The nice value, from 0 (as usual) to 19 (it runs when nobody else wants to).
  std::optional<int> priority = {};

  bool operator==(const Limits&) const = default;
  /// Whether any limit is set.
  bool any() const noexcept { return *this != Limits(); }
};

}  // namespace coproc::inline v0
