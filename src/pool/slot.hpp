// One worker's place in a pool: its present process, its tasks, and its statistics.
//
// No call but `start` waits. That a worker does not read, or has not ended yet, is a state of its slot.
//
// Thread safety: guarded by the pool's mutex.
// Invariants: `window` holds the calls that were sent and not answered, in the order of their serials; the first one is
// the call that the worker runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coproc/detail/pool_worker.hpp"
#include "coproc/detail/task.hpp"
#include "coproc/messenger.hpp"
#include "coproc/pool_insights.hpp"
#include "coproc/pool_options.hpp"
#include "coproc/worker.hpp"
#include "messenger/core.hpp"
#include "pool/job.hpp"
#include "pool/protocol.hpp"
#include "pool/task_list.hpp"
#include "supervise/recycling.hpp"
#include "supervise/watch.hpp"

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
  failure,   // it broke the protocol, or the host could not take in its message
  too_slow,  // to read, or to close
};

/// Returns the time that is `time` and `grace` after `begin`, or the greatest value (never) if that is too far away.
inline std::int64_t after(std::int64_t begin, std::chrono::nanoseconds time, std::int64_t grace = 0) noexcept {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  return time.count() > kNever - begin - grace ? kNever : begin + time.count() + grace;
}

class Slot {
 public:
  enum class Phase {
    empty,      // no process
    launching,  // one is being started, by a thread without the mutex, so that no other thread may use the worker
    starting,   // the process runs its init function
    ready,      // it runs tasks
    closing,    // it was asked to close, since it is to be replaced
    hanging,    // its messenger is not used any more: a thread without the mutex ends it, or will, since it hangs
    ending,     // its messenger is not used any more: it was killed, or is killed at `kill_at` if it has not ended
  };

  Slot(std::size_t place, std::unique_ptr<PoolWorker> worker, const PoolOptions& options)
      : number(place), recycling(options.recycle), watch(options.health), worker_(std::move(worker)) {}

  Worker& worker() noexcept { return worker_->worker(); }
  PriorityMessenger& messenger() { return worker_->messenger(); }
  detail::Core& core();

  /// Reserves the worker for the calling thread, which then calls `start`, and `note_started` or `note_not_started`.
  void note_launch() noexcept;
  /// Starts a process and waits for it. Uses only the worker, so it is called without the mutex. Throws the errors of
  /// WorkerResource::start.
  void start() { worker_->start(); }
  /// The two halves of `start`: several workers that are asked for are made at the same time. As `start`, without the
  /// mutex. The second one returns whether the start is over; `time` says how long it may wait for that. Starts that
  /// are not asked for take place at once: with `forks` all but those by the fork server, with `all` those by `fork`.
  enum class Asked { forks, all };
  void ask_for_start(Asked which);
  bool await_start(Timeout time = kForever);
  void note_started();
  void note_not_started() noexcept { phase = Phase::empty; }
  /// When the last start began.
  std::int64_t started_at() const noexcept { return started_at_; }
  /// Call for the first message of the worker: its init function has returned.
  void note_ready() noexcept;
  /// Whether there is a process whose messenger may be used.
  bool is_open() const noexcept { return has_process() && phase != Phase::ending && phase != Phase::hanging; }
  bool has_process() const noexcept { return phase != Phase::empty && phase != Phase::launching; }
  /// Messages from now on are published together by `end_batch`.
  void batch();
  void end_batch() noexcept;

  /// Sends these tasks, which have consecutive indices of one job, and moves them to the window. Returns false if the
  /// link has no room at the moment. Throws the errors of their codecs; then nothing was sent. A message that is larger
  /// than the link is sent to an idle worker in pieces, as it reads them.
  bool send_tasks(TaskList& tasks);
  /// Sends more pieces of such a message. Returns whether there was room for one.
  bool send_rest();
  /// The time since which an idle worker has not read its message, or 0 if it has read it.
  std::int64_t stuck_since() const noexcept { return stuck_since_; }
  /// Signals the worker to kill itself if it still runs the task with this serial.
  void end_task(std::uint64_t serial);
  /// Marks a task of the window, so that `send_skips` tells the worker not to run it if it has not begun.
  void skip(Task& task) noexcept;
  /// Sends the marks of `skip`, as far as the link has room.
  void send_skips();
  /// Tells the worker which of its functions were destroyed. Returns false if the link has no room.
  bool send_forgets();
  /// Takes the first task out of the window.
  TaskPtr take_front(std::int64_t now) noexcept;
  /// Takes only the first calls of the first task. Throws std::bad_alloc.
  TaskPtr take_front(std::size_t calls, std::int64_t now);

  /// What the worker has in hand, for its watch. `is_unread`: its answers are not taken in at the moment.
  supervise::InHand in_hand(bool is_unread);
  /// Whether the watch has to look at the worker.
  bool is_watched() const noexcept {
    return watch.health().has_limits() && (phase == Phase::starting || (phase == Phase::ready && !window.empty()));
  }
  /// Expects the worker to end within this time. If it does not, it is killed because of `cause`.
  void await_end(std::chrono::nanoseconds time, std::exception_ptr cause) noexcept;
  /// Kills the worker, and keeps the first reason and cause.
  void kill(KilledFor why, std::exception_ptr cause = nullptr) noexcept;
  /// Whether it is time to check again if the worker has ended. If it is, the next check is later, by a growing
  /// interval.
  bool is_look_due(std::int64_t now) noexcept;
  /// Records that the process has ended or was given up. The slot is empty afterwards.
  void note_end(const ExitStatus& status) noexcept;
  /// Replaces a worker that cannot be killed, and returns it.
  std::unique_ptr<PoolWorker> exchange(std::unique_ptr<PoolWorker> fresh) noexcept {
    return std::exchange(worker_, std::move(fresh));
  }
  /// Whether the worker can have worked for this long, besides the times that it stated before, since it was ready.
  bool can_have_worked(std::uint64_t work_ns, std::int64_t now) const noexcept;
  void note_work(std::uint64_t work_ns) noexcept;

  // Times are on the host's clock, in ns.
  const std::size_t number;
  Phase phase = Phase::empty;
  TaskList window;
  std::int64_t head_since = 0;  // when the first call got to the front of the window, or the window became empty
  std::size_t given = 0;        // calls that were sent since the start
  KilledFor killed_for = KilledFor::nothing;
  std::uint64_t killed_at_task = 0;  // the serial at the front of the window when the worker was killed
  bool is_kill_refused = false;      // the worker may not be signalled, and may go on
  std::exception_ptr cause;          // why the worker was killed, or will be
  std::int64_t kill_at = kNever;     // the worker is killed then, if it is closing or ending
  std::int64_t give_up_at = kNever;  // the worker is given up then, if it was killed
  std::int64_t fenced_at = 0;        // the worker, whose machine was lost, may run its task until then; 0: it was not
  std::int64_t look_at = 0;          // the next check of an ending worker
  std::int64_t retry_at = 0;         // the worker is not started before
  std::size_t failures = 0;          // starts in succession after which the worker ended before it ran anything
  supervise::Recycling recycling;
  bool is_used_up = false;  // the worker gets no further task, and makes place when it has none
  supervise::Watch watch;
  std::optional<Hang> hang;      // why the worker hangs, while no thread is about to end it
  std::int64_t received_at = 0;  // when an answer was taken in last
  detail::Buffer block;          // the messages that were taken out of the link together
  bool is_full = false;          // the link took no further task in this round
  bool is_replaced = false;      // the worker was asked to close, since it is used up
  bool may_forget = false;       // a function was destroyed since the last send_forgets()
  WorkerInsights insights;
  std::int64_t ready_since = 0;  // 0 if the worker is not ready

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

 private:
  /// Sends a function that the worker does not know yet. Returns false if the link has no room.
  bool define(const std::shared_ptr<detail::PoolFunction>& function);
  /// Sends a message. Returns false if the link has no room.
  bool send_message(const detail::Outgoing& out);

  std::unique_ptr<PoolWorker> worker_;
  std::map<std::uint32_t, std::weak_ptr<detail::PoolFunction>> known_;  // the functions that this worker was sent
  std::uint64_t next_serial_ = 1;
  bool has_skips_ = false;  // some tasks of the window are marked, and the worker was not told yet
  std::int64_t started_at_ = 0;
  std::int64_t stuck_since_ = 0;
  std::int64_t look_interval_ = 0;
  std::uint64_t stated_work_ns_ = 0;  // the sum of the times that the worker has stated since its start
  bool is_batching_ = false;
};

}  // namespace coproc::inline v0::pool
