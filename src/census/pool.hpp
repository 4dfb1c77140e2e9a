// What a pool tells whoever reports it.
//
// Thread safety: PoolTotals is guarded by the lock of the roll. `read` is called by any thread, with that lock held.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coproc::inline v0::census {

/// Counts that only grow.
struct PoolTotals {
  std::uint64_t succeeded = 0;  // tasks
  std::uint64_t failed = 0;     // tasks
  std::uint64_t starts = 0;     // of workers
  std::chrono::nanoseconds task_time{0};

  PoolTotals& operator+=(const PoolTotals& other) noexcept {
    succeeded += other.succeeded;
    failed += other.failed;
    starts += other.starts;
    task_time += other.task_time;
    return *this;
  }
};

struct PoolReading {
  PoolTotals totals;
  std::size_t queued = 0;   // tasks that no worker has
  std::size_t sent = 0;     // tasks that workers have and did not answer
  std::size_t workers = 0;  // processes
  std::size_t ready = 0;    // of these, those that run tasks
};

class PoolSource {
 public:
  using Totals = PoolTotals;
  virtual PoolReading read() noexcept = 0;

 protected:
  PoolSource() = default;
  PoolSource(const PoolSource&) = default;
  PoolSource& operator=(const PoolSource&) = default;
  ~PoolSource() = default;
};

}  // namespace coproc::inline v0::census
