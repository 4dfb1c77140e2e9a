// The parts of a pool for functions of another language: how its workers are started, and how they run tasks.
//
// Everything else is the same for all pools: PoolHandle and JobHandle (detail/task.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "coproc/detail/task.hpp"
#include "coproc/export.hpp"
#include "coproc/messenger.hpp"
#include "coproc/worker.hpp"

namespace coproc::inline v0::detail {

/// The worker in one of the places of a pool.
class COPROC_API PoolWorker {
 public:
  PoolWorker() = default;
  PoolWorker(const PoolWorker&) = delete;
  PoolWorker& operator=(const PoolWorker&) = delete;
  virtual ~PoolWorker();
  /// Starts a process. The pool calls it again after each end. It may block: the pool is not locked meanwhile.
  virtual void start() = 0;
  virtual Worker& worker() noexcept = 0;
  /// The messenger of the running worker.
  virtual PriorityMessenger& messenger() = 0;
};

/// How many workers a pool has if its options do not say: see `PoolOptions::workers`.
COPROC_API std::size_t usable_processors();

/// Throws InvalidArgumentError for `workers`, a `restart`, `health` or `recycle` with which no pool can be made.
COPROC_API void check_pool_options(const PoolOptions& options);

/// Makes the worker of the place `number`. It is called when the pool is made, and with the pool locked in place of a
/// worker that could not be ended.
using MakePoolWorker = std::function<std::unique_ptr<PoolWorker>(std::size_t number)>;

/// Calls that a worker makes around each wait for its host, for example to release the lock of an interpreter.
struct AroundWaits {
  void (*begin)();
  void (*end)() noexcept;
};

/// In a worker: runs tasks by `code` until the host asks it to end, which leaves this function as
/// ResourceRequestedClose. Blocks.
COPROC_API void run_pool_tasks(PriorityMessenger& host, const TaskCode& code, const AroundWaits& around);

/// Thrown by `TaskCode::run`: the task has no result, and its worker ends. It leaves run_pool_tasks.
struct EndOfPoolWorker {};

}  // namespace coproc::inline v0::detail
