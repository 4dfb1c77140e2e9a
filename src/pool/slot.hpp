// One place for a worker in a pool: the process that is there now, what it was given, and what it has done.
//
// Nothing here waits: a worker that does not read, or that is to end and has not yet, is a state of its slot.
//
// Thread safety: guarded by the pool's mutex.
// Invariants: `window` holds what was sent and not answered, in the order
// of the serials; its front is what the worker runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coproc/detail/pool_worker.hpp"
#include "coproc/detail/task.hpp"
#include "coproc/messenger.hpp"
#include "coproc/pool_insights.hpp"
#include "coproc/worker.hpp"
#include "messenger/core.hpp"
#include "pool/job.hpp"
#include "pool/protocol.hpp"
#include "pool/task_list.hpp"

namespace coproc::inline v0::pool {

using detail::Task;
using detail::TaskList;
using detail::TaskPtr;

using detail::MakePoolWorker;
using detail::PoolWorker;

/// Why the host has killed a worker.
enum class KilledFor {
  nothing,
  time_limit,
  cancelled,
  failure,   // it has broken the rules, or what it sent could not be taken in
  too_slow,  // to read, or to close
};

/// A time on the host's clock, or never.
inline std::int64_t after(std::int64_t begin, std::chrono::nanoseconds time, std::int64_t grace = 0) noexcept {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  return time.count() > kNever - begin - grace ? kNever : begin + time.count() + grace;
}

class Slot {
 public:
  enum class Phase {
    empty,      // no process
    launching,  // a thread makes one, without the lock: till then nobody else touches the worker
    starting,   // its init function runs
    ready,
    closing,  // was asked to end, to be replaced
    ending,   // is not talked to any more: its end is to come, by itself until `kill_at`, or it was killed
  };

  Slot(std::size_t place, std::unique_ptr<PoolWorker> worker) : number(place), worker_(std::move(worker)) {}

  Worker& worker() noexcept { return worker_->worker(); }
  PriorityMessenger& messenger() { return worker_->messenger(); }
  detail::Core& core();

  /// From now on its worker is the calling thread's, until that has called `start` and then `note_started` or
  /// `note_not_started`.
  void note_launch() noexcept;
  /// Waits for the new process. Throws what Worker's start does. Touches nothing but the worker: no lock is needed.
  void start() { worker_->start(); }
  void note_started();
  void note_not_started() noexcept { phase = Phase::empty; }
  /// Its first message: the init function has returned.
  void note_ready() noexcept;
  /// Whether it is there and is talked to.
  bool is_open() const noexcept { return has_process() && phase != Phase::ending; }
  bool has_process() const noexcept { return phase != Phase::empty && phase != Phase::launching; }
  /// What follows is not sent until `end_batch`.
  void batch();
  void end_batch() noexcept;

  /// Sends these, which have consecutive indices of one job; false: there is no room in the link at the moment. What
  /// their codecs throw passes, and nothing was sent. An idle worker is sent what is larger than its link in pieces, as
  /// it reads them.
  bool send(TaskList& tasks);
  /// Goes on with such pieces. Whether there was room for one.
  bool send_rest();
  /// Whether an idle worker has taken nothing since this time; 0: it has.
  std::int64_t stuck_since() const noexcept { return stuck_since_; }
  /// Asks the worker to end itself if it still runs this task.
  void end_task(std::uint64_t serial);
  /// Tells the worker not to run this task of the window any more, if it has not begun.
  void skip(Task& task) noexcept;
  /// Sends what `skip` has noted, as far as there is room.
  void send_skips();
  /// Tells the worker which of the functions that it knows do not exist any more; false: there is no room in the link.
  bool send_forgets();
  TaskPtr take_front(std::int64_t now) noexcept;
  /// The same of its first calls alone. Throws std::bad_alloc.
  TaskPtr take_front(std::size_t calls, std::int64_t now);

  /// Its end is to come within this time, or it is killed. `cause`: what was wrong then.
  void await_end(std::chrono::nanoseconds time, std::exception_ptr cause) noexcept;
  /// Kills it, and notes why.
  void kill(KilledFor why, std::exception_ptr cause = nullptr) noexcept;
  /// When its end is looked for next; each look puts that off.
  bool is_look_due(std::int64_t now) noexcept;
  /// Takes the process out: it has ended, or is given up.
  void note_end(const ExitStatus& status) noexcept;
  /// Puts another in the place of a worker that cannot be ended.
  std::unique_ptr<PoolWorker> exchange(std::unique_ptr<PoolWorker> fresh) noexcept {
    return std::exchange(worker_, std::move(fresh));
  }
  /// How long it has been ready and busy, as it says, at most: by the host's clock.
  bool can_have_worked(std::uint64_t work_ns, std::int64_t now) const noexcept;
  void note_work(std::uint64_t work_ns) noexcept;

  const std::size_t number;
  Phase phase = Phase::empty;
  TaskList window;
  std::int64_t head_since = 0;  // when the front of the window got there, or the window became empty
  std::size_t given = 0;        // tasks, since its start
  KilledFor killed_for = KilledFor::nothing;
  std::uint64_t killed_at_task = 0;  // the serial of the front of its window then
  bool is_kill_refused = false;      // it may go on
  std::exception_ptr cause;          // what was wrong with what it has sent, or has not done
  std::int64_t kill_at = kNever;     // of one that is closing or ending
  std::int64_t give_up_at = kNever;  // of one that was killed
  std::int64_t look_at = 0;          // of one that is ending
  std::int64_t retry_at = 0;         // no start before
  std::size_t failures = 0;          // ends before it could run anything, in a row
  bool is_too_large = false;         // its memory
  std::int64_t looked_at_memory = 0;
  std::int64_t found_at = 0;  // when something had come, last
  detail::Buffer block;       // what was taken out of its link at once
  bool is_full = false;       // of the link, in this round
  bool is_replaced = false;   // it was asked to end, since it is used up
  bool may_forget = false;    // a function was destroyed since the worker was told last
  WorkerInsights insights;
  std::int64_t ready_since = 0;  // 0: it is not

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

 private:
  bool define(const std::shared_ptr<detail::PoolFunction>& function);
  bool send(const detail::Outgoing& out);

  std::unique_ptr<PoolWorker> worker_;
  std::map<std::uint32_t, std::weak_ptr<detail::PoolFunction>> known_;  // functions that this worker knows
  std::uint64_t next_serial_ = 1;
  bool has_skips_ = false;  // in the window, not sent yet
  std::int64_t started_at_ = 0;
  std::int64_t stuck_since_ = 0;
  std::int64_t look_interval_ = 0;
  std::uint64_t stated_work_ns_ = 0;  // since its start
  bool is_batching_ = false;
};

}  // namespace coproc::inline v0::pool
