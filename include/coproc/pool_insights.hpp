// What a pool's workers have done.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// Of one place in the pool, whose worker may have been replaced: sums over all that were there.
struct WorkerInsights {
  int pid = 0;  ///< of the present one, or the last; 0: none was started
  std::size_t starts = 0;
  std::size_t tasks = 0;                   ///< ended, those that failed among them
  std::size_t failed = 0;                  ///< threw, ran out of time, or lost their worker
  std::chrono::nanoseconds start_time{0};  ///< from the start calls until the init function had returned
  std::chrono::nanoseconds work_time{0};   ///< inside of tasks
  std::chrono::nanoseconds wait_time{0};   ///< ready, and not inside of a task
  std::size_t peak_memory_bytes = 0;       ///< resident; the highest of all
};

struct SlowTask {
  std::uint64_t task = 0;  ///< its index in its map, or the number of its submit
  int pid = 0;             ///< of its worker
  std::chrono::nanoseconds time{0};
};

struct PoolInsights {
  std::vector<WorkerInsights> workers;
  std::vector<SlowTask> slowest;  ///< the ten slowest, slowest first
  std::string start_note =
      {};  ///< why workers were started by `spawn` and not by the fork server; empty: they were not

  /// As a table, with a line for each worker, their sums, and the slowest tasks.
  COPROC_API std::string table() const;
};

}  // namespace coproc::inline v0
