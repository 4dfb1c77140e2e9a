// What a worker tells whoever reports it: its counts over all its processes, and how its present process is.
//
// Thread safety: WorkerTotals is guarded by the lock of the roll. `read` is called by any thread, with that lock held.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace coproc::inline v0::census {

/// How the process ended in whose place a supervised worker was started again.
enum class RestartReason { exit, failure, signal, machine_lost, unknown };
inline constexpr std::size_t kRestartReasons = 5;

/// The counts of the processes of a worker that have ended, and what the present one was last known to have used.
struct WorkerTotals {
  std::uint64_t starts = 0;  // includes the present one
  bool is_supervised = false;
  std::array<std::uint64_t, kRestartReasons> restarts{};  // by RestartReason; of supervised workers
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::chrono::nanoseconds processor_time{0};
  std::chrono::nanoseconds processor_time_of_present{0};
  std::uint64_t received_shown = 0;  // the most that was ever reported: a message that is put back lowers the count
};

/// How a worker is at this moment. What is not known is left empty.
struct WorkerReading {
  bool is_alive = false;
  std::uint64_t sent = 0;      // by the present process's messenger, or that of the last one
  std::uint64_t received = 0;  // the same
  std::size_t unanswered = 0;
  struct Rings {
    std::size_t to_worker = 0;  // bytes
    std::size_t to_host = 0;    // bytes
  };
  std::optional<Rings> rings;
  std::optional<std::size_t> resident_bytes;
  std::optional<std::chrono::nanoseconds> processor_time;
};

class WorkerSource {
 public:
  using Totals = WorkerTotals;
  /// Without `asks_system`, what only the system knows (memory, processor time) is left empty.
  virtual WorkerReading read(bool asks_system) noexcept = 0;

 protected:
  WorkerSource() = default;
  WorkerSource(const WorkerSource&) = default;
  WorkerSource& operator=(const WorkerSource&) = default;
  ~WorkerSource() = default;
};

}  // namespace coproc::inline v0::census
