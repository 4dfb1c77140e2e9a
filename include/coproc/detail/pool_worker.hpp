// What a pool for functions of another language supplies: how its workers are started, and how they run tasks.
//
// The pool's own part is everything else: PoolHandle and JobHandle (detail/task.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "coproc/detail/task.hpp"
#include "coproc/export.hpp"
#include "coproc/messenger.hpp"
#include "coproc/worker.hpp"

namespace coproc::inline v0::detail {

/// The worker in one place of a pool.
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

/// Makes the worker of the place `number`. It is called when the pool is made, and with the pool locked in place of a
/// worker that could not be ended.
using MakePoolWorker = std::function<std::unique_ptr<PoolWorker>(std::size_t number)>;

/// What a worker does around each wait for its host, such as to release an interpreter's lock.
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
