// One place for a worker in a pool: the process that is there now, what it was given, and what it has done.
//
// Thread safety: guarded by the pool's mutex.
// Invariants: `window` holds what was sent and not answered, in the order of the serials; its front is what the worker runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <limits>
#include <memory>
#include <vector>

#include "coproc/detail/task.hpp"
#include "coproc/messenger.hpp"
#include "coproc/pool_insights.hpp"
#include "coproc/worker.hpp"
#include "pool/job.hpp"
#include "pool/protocol.hpp"

namespace coproc::inline v0::pool {

using detail::Task;
using detail::TaskPtr;

/// A worker of either kind (pool_worker.hpp).
class PoolWorker {
 public:
  virtual ~PoolWorker() = default;
  virtual void start() = 0;
  virtual Worker& worker() noexcept = 0;
  virtual PriorityMessenger& messenger() = 0;
};

/// Makes the worker of a slot: the setup of all workers, with the slot's number.
using MakePoolWorker = std::function<std::unique_ptr<PoolWorker>(std::size_t number)>;

/// Why the host has killed a worker.
enum class KilledFor { nothing, time_limit, cancelled, lie, too_slow };

class Slot {
 public:
  enum class Phase {
    empty,     // no process
    starting,  // its init function runs
    ready,
    closing,  // was asked to end, to be replaced
  };

  explicit Slot(std::unique_ptr<PoolWorker> worker) : worker_(std::move(worker)) {}

  Worker& worker() noexcept { return worker_->worker(); }
  PriorityMessenger& messenger() { return worker_->messenger(); }

  /// Throws what Worker's start does.
  void start();
  /// Its first message: the init function has returned.
  void note_ready() noexcept;
  /// What follows is not sent until `end_batch`.
  void batch();
  void end_batch() noexcept;

  /// Sends these, which have consecutive indices of one job; false: there is no room in the link at the moment. What their codecs
  /// throw passes, and nothing was sent.
  bool send(std::vector<TaskPtr>& tasks);
  /// Asks the worker to end itself if it still runs this task.
  void end_task(std::uint64_t serial);
  /// Tells the worker not to run this task any more, if it has not begun.
  void skip(std::uint64_t serial);
  /// Sends what `skip` has noted, as far as there is room.
  void send_skips();

  /// Kills it, notes why, and waits for its end.
  void kill(KilledFor why);
  /// Takes the process out: it has ended.
  void note_end(const ExitStatus& status);

  Phase phase = Phase::empty;
  std::deque<TaskPtr> window;
  std::int64_t head_since = 0;  // when the front of the window got there, or the window became empty
  std::size_t given = 0;        // tasks, since its start
  KilledFor killed_for = KilledFor::nothing;
  std::exception_ptr lie;         // what was wrong with what it has sent
  std::int64_t kill_at = kNever;  // it has to have ended, or to have gone on, by then
  std::int64_t retry_at = 0;      // no start before
  std::size_t failures = 0;       // ends before it could run anything, in a row
  bool is_too_large = false;      // its memory
  std::int64_t looked_at_memory = 0;
  bool is_full = false;  // of the link, in this round
  WorkerInsights insights;
  std::int64_t ready_since = 0;

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

 private:
  bool define(const detail::PoolFunction& function);
  bool send(const detail::Outgoing& out, bool may_wait);

  std::unique_ptr<PoolWorker> worker_;
  std::vector<bool> told_;  // by a function's number: whether this worker knows it
  std::uint64_t next_serial_ = 1;
  std::vector<Serials> skips_;
  std::int64_t started_at_ = 0;
  bool is_batching_ = false;
};

}  // namespace coproc::inline v0::pool
