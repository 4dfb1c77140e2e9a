// Statistics of a pool and its workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// Sums over all workers that have had one place in the pool; a worker that is replaced keeps its place.
struct WorkerInsights {
  int pid = 0;  ///< of the present worker, or of the last one; 0 if none was started
  std::size_t starts = 0;
  std::size_t tasks = 0;                   ///< tasks that have ended, including those that failed
  std::size_t failed = 0;                  ///< tasks that threw, ran out of time, or lost their worker
  std::chrono::nanoseconds start_time{0};  ///< from the calls of start until the init function had returned
  std::chrono::nanoseconds work_time{0};   ///< spent in tasks
  std::chrono::nanoseconds wait_time{0};   ///< ready, but not in a task
  std::size_t peak_memory_bytes = 0;       ///< the most resident memory of any of them
  std::string machine = {};                ///< Machine::name() of the one that it runs on; empty: this machine
};

struct SlowTask {
  std::uint64_t task = 0;  ///< the index in its map, or the number of its call of submit
  int pid = 0;             ///< of its worker
  std::chrono::nanoseconds time{0};
};

struct PoolInsights {
  std::vector<WorkerInsights> workers;
  std::vector<SlowTask> slowest;  ///< the ten slowest, slowest first
  /// Why workers were started by `spawn` and not by the fork server. Empty if they were not.
  std::string start_note = {};

  /// A table with a line for each worker, their sums, and the slowest tasks.
  COPROC_API std::string table() const;
};

}  // namespace coproc::inline v0
