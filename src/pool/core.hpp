// What stands behind a pool: its workers, the tasks that wait for them, and whoever drives both.
//
// Split by what happens: core.cpp (jobs), looks.cpp (what can be seen), drive.cpp (who waits, and for what),
// starting.cpp (new workers), dispatch.cpp (tasks to workers), collect.cpp (results from workers), end.cpp (their
// ends), stop.cpp (the end of the pool).
//
// There is no thread behind it (unless PoolOptions::background): a call that has to wait drives, for all who wait. One
// thread at a time drives; others sleep until theirs has come or it is their turn to drive.
//
// No call waits for a worker while it holds the mutex: what takes time (a worker that does not read, or does not end)
// is a state of its slot, which is looked at again.
//
// Thread safety: all public members, from any thread. Everything is guarded by one mutex, which is let go only while
// the driver sleeps, while a worker is started (which is the starting thread's until that is done), and while the
// workers are stopped: then nobody else touches their messengers.
// Invariants: see `broken_invariant`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "coproc/detail/task.hpp"
#include "coproc/messenger.hpp"
#include "coproc/pool_insights.hpp"
#include "coproc/pool_options.hpp"
#include "os/clock.hpp"
#include "os/fork_guard.hpp"
#include "os/mutex.hpp"
#include "pool/job.hpp"
#include "pool/slot.hpp"
#include "pool/task_list.hpp"

namespace coproc::inline v0::detail {

class PoolCore {
 public:
  /// Starts the workers, as many as the options say: no number and no name is left open. Throws StartError.
  PoolCore(PoolOptions options, MakePoolWorker make_worker);
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;
  ~PoolCore();

  const PoolOptions& options() const noexcept { return options_; }
  std::size_t size() const noexcept { return options_.workers; }

  // core.cpp
  std::shared_ptr<PoolFunction> new_function(const TaskCode& code, std::string data) COPROC_EXCLUDES(mutex_);
  std::shared_ptr<PoolFunction> function_of(const TaskCode& code) COPROC_EXCLUDES(mutex_);
  std::shared_ptr<Job> new_job(std::shared_ptr<PoolFunction> function, TaskOptions&& options, const JobShape& shape)
      COPROC_EXCLUDES(mutex_);
  JobHandle::Wanted wanted(const Job& job) COPROC_EXCLUDES(mutex_);
  void add(const std::shared_ptr<Job>& job, std::vector<TaskPtr>& tasks) COPROC_EXCLUDES(mutex_);
  void end_input(Job& job, std::exception_ptr error) COPROC_EXCLUDES(mutex_);
  JobHandle::News wait(Job& job, std::deque<TaskPtr>& into, Timeout timeout) COPROC_EXCLUDES(mutex_);
  void tend() COPROC_EXCLUDES(mutex_);
  bool is_done(const Job& job) COPROC_EXCLUDES(mutex_);
  bool cancel(Job& job) COPROC_EXCLUDES(mutex_);
  void then(const std::shared_ptr<Job>& job, std::function<void()> function) COPROC_EXCLUDES(mutex_);
  bool wait_any(std::span<Job* const> jobs, Timeout timeout) COPROC_EXCLUDES(mutex_);
  /// Nobody reads it any more.
  void leave(Job& job) noexcept COPROC_EXCLUDES(mutex_);
  bool wait_for_submitted(Timeout timeout) COPROC_EXCLUDES(mutex_);
  void interrupt() noexcept;
  // stop.cpp
  void stop(const StopOptions& options) COPROC_EXCLUDES(mutex_);
  // looks.cpp
  std::size_t pending() COPROC_EXCLUDES(mutex_);
  PoolInsights insights() COPROC_EXCLUDES(mutex_);
  std::vector<int> pids() COPROC_EXCLUDES(mutex_);
  /// What is wrong with the tasks of this job, of which each has to be somewhere, and once; empty: nothing. For tests,
  /// and after each step of a debug build.
  std::string broken_invariant(const Job& job) COPROC_EXCLUDES(mutex_);

 private:
  class Lock;
  using Slot = pool::Slot;
  class Turn;
  class Asleep;

  // drive.cpp
  void drop(TaskPtr task) noexcept COPROC_REQUIRES(mutex_) { dropped_.push_back(std::move(task)); }
  void drop(TaskList tasks) noexcept COPROC_REQUIRES(mutex_) { dropped_.append(std::move(tasks)); }
  bool bury() noexcept COPROC_REQUIRES(mutex_);
  static void call_all(std::shared_ptr<Job> jobs) noexcept;

  // core.cpp
  bool is_own_process() const noexcept { return os::fork_generation() == owner_; }
  void check_owner() const;
  bool take_results(Job& job, std::deque<TaskPtr>& into) COPROC_REQUIRES(mutex_);
  bool is_finished(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  void note_submitted_end(const std::shared_ptr<Job>& job) noexcept COPROC_REQUIRES(mutex_);
  void finish(Slot* slot, TaskPtr task) noexcept COPROC_REQUIRES(mutex_);
  void drop_results(Job& job) noexcept COPROC_REQUIRES(mutex_);
  void drop_unfinished(Job& job) noexcept COPROC_REQUIRES(mutex_);
  void notify(Job& job) noexcept COPROC_REQUIRES(mutex_);
  void notify_all() noexcept COPROC_REQUIRES(mutex_);

  // stop.cpp
  void fail_waiting(const std::exception_ptr& error) noexcept COPROC_REQUIRES(mutex_);
  void give_up(const std::exception_ptr& cause) noexcept COPROC_REQUIRES(mutex_);
  void stop_workers(const StopOptions& options) COPROC_REQUIRES(mutex_);

  // looks.cpp
  std::string invariant_broken_by(const Job& job) const COPROC_REQUIRES(mutex_);
  void check_invariants() const COPROC_REQUIRES(mutex_);

  // starting.cpp
  bool start_missing() noexcept COPROC_REQUIRES(mutex_);
  void note_failed_start(Slot& slot, const std::exception_ptr& cause) noexcept COPROC_REQUIRES(mutex_);

  // held.cpp
  std::size_t& held_by(Job& job) noexcept COPROC_REQUIRES(mutex_) {
    return job.shape.is_submitted ? submitted_held_ : job.held_bytes;
  }
  bool is_over_limit(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  void hold(Job& job, Task& task) noexcept COPROC_REQUIRES(mutex_);
  void release(Job& job, Task& task) noexcept COPROC_REQUIRES(mutex_);
  bool is_needed(const Task& task) const noexcept COPROC_REQUIRES(mutex_);
  bool may_take_from(const Slot& slot) const noexcept COPROC_REQUIRES(mutex_);
  bool put_needed_first() noexcept COPROC_REQUIRES(mutex_);

  // drive.cpp
  /// Drives, or waits for whoever drives, until `is_ready`; false: the time is over. `jobs`: whose news are waited for.
  template <class IsReady>
  bool wait_until(const IsReady& is_ready, Timeout timeout, std::span<Job* const> jobs) COPROC_REQUIRES(mutex_);
  void step(const os::Deadline& deadline) COPROC_REQUIRES(mutex_);
  void look() COPROC_REQUIRES(mutex_);
  void sleep(const os::Deadline& deadline) COPROC_REQUIRES(mutex_);
  std::chrono::nanoseconds nap_length() const noexcept COPROC_REQUIRES(mutex_);
  bool pump() noexcept COPROC_REQUIRES(mutex_);
  void ring() noexcept COPROC_REQUIRES(mutex_);
  void hand_over() noexcept COPROC_REQUIRES(mutex_);
  void drive_in_background() COPROC_EXCLUDES(mutex_);

  // dispatch.cpp
  bool dispatch() COPROC_REQUIRES(mutex_);
  void send_skips() noexcept COPROC_REQUIRES(mutex_);
  void send_forgets() noexcept COPROC_REQUIRES(mutex_);
  bool may_wait_behind(const Slot& slot, const Job& job, std::int64_t now) const noexcept COPROC_REQUIRES(mutex_);
  Slot* slot_for(const Task& task, std::int64_t now) noexcept COPROC_REQUIRES(mutex_);
  std::size_t window_of(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  std::size_t chunk_of(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  std::size_t stretch_of(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  bool send_next(Slot& slot) COPROC_REQUIRES(mutex_);
  bool send(Slot& slot, TaskList& tasks) COPROC_REQUIRES(mutex_);

  // collect.cpp
  template <class Talk>
  bool talk(Slot& slot, const Talk& talk) noexcept COPROC_REQUIRES(mutex_);
  bool collect(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  bool take_all(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  void look_at_woken(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  bool take_block(Slot& slot, bool& any) COPROC_REQUIRES(mutex_);
  void take(Slot& slot, Message&& message) COPROC_REQUIRES(mutex_);
  struct Answer;
  void take_answer(Slot& slot, const Answer& answer) COPROC_REQUIRES(mutex_);
  void take_result(Slot& slot, const Answer& answer, const pool::ResultHead& head, std::span<const std::byte> result)
      COPROC_REQUIRES(mutex_);
  void split_off_answered(Slot& slot) COPROC_REQUIRES(mutex_);
  void note_time(Slot& slot, const Task& task, std::uint64_t work_ns, std::int64_t now) noexcept
      COPROC_REQUIRES(mutex_);
  void replace_if_used_up(Slot& slot) COPROC_REQUIRES(mutex_);

  // end.cpp
  std::int64_t due_at(const Slot& slot) const noexcept COPROC_REQUIRES(mutex_);
  bool look_for_ends() noexcept COPROC_REQUIRES(mutex_);
  void look_for_deaths() noexcept COPROC_REQUIRES(mutex_);
  bool look_for_end(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  void take_what_was_sent(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  void end_overdue() noexcept COPROC_REQUIRES(mutex_);
  void abandon(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  void look_for_lost() noexcept COPROC_REQUIRES(mutex_);
  void note_end(Slot& slot, const ExitStatus& status) noexcept COPROC_REQUIRES(mutex_);
  std::exception_ptr error_of_end(const Slot& slot, const Task& task, const ExitStatus& status) noexcept
      COPROC_REQUIRES(mutex_);

  const PoolOptions options_;                // constant after construction
  const MakePoolWorker make_worker_;         // constant after construction
  const unsigned long owner_;                // fork_generation() of the process that made it
  PriorityMessenger doorbell_;               // has no peer: it is there to interrupt the driver's sleep
  std::atomic<bool> is_interrupted_{false};  // by the user

  const std::shared_ptr<std::atomic<bool>> is_function_destroyed_ = std::make_shared<std::atomic<bool>>(false);

  os::Mutex mutex_;  // guards also what the jobs and the slots hold
  std::vector<std::unique_ptr<Slot>> slots_ COPROC_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<pool::PoolWorker>> lost_
      COPROC_GUARDED_BY(mutex_);  // could not be ended, and have left their slots
  std::int64_t look_for_lost_at_ COPROC_GUARDED_BY(mutex_) = 0;
  TaskList queue_ COPROC_GUARDED_BY(mutex_);    // waits for a worker
  TaskList dropped_ COPROC_GUARDED_BY(mutex_);  // is to be destroyed where the mutex is not held
  std::map<std::pair<void (*)(TaskRun&), void (*)()>, std::shared_ptr<PoolFunction>> functions_
      COPROC_GUARDED_BY(mutex_);  // of C++
  std::uint32_t next_function_ COPROC_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<Job> to_call_
      COPROC_GUARDED_BY(mutex_);  // jobs whose `then` is to be called, linked through themselves; the latest first
  std::deque<Waiter*> waiters_ COPROC_GUARDED_BY(mutex_);  // those that do not drive
  std::vector<SlowTask> slowest_ COPROC_GUARDED_BY(mutex_);
  std::size_t unfinished_submitted_ COPROC_GUARDED_BY(mutex_) = 0;  // tasks that were added
  std::size_t submitted_held_ COPROC_GUARDED_BY(mutex_) = 0;        // bytes of their results that nobody has read
  std::size_t waits_for_submitted_ COPROC_GUARDED_BY(mutex_) = 0;   // threads that wait for all of them
  std::uint64_t submitted_ COPROC_GUARDED_BY(mutex_) = 0;
  std::size_t failures_ COPROC_GUARDED_BY(mutex_) = 0;  // ends before anything was run, in a row, of all workers
  bool has_given_up_ COPROC_GUARDED_BY(mutex_) = false;
  bool is_driving_ COPROC_GUARDED_BY(mutex_) = false;
  bool is_asleep_ COPROC_GUARDED_BY(mutex_) = false;     // the driver
  bool is_launching_ COPROC_GUARDED_BY(mutex_) = false;  // a thread starts a worker
  bool is_napping_ COPROC_GUARDED_BY(mutex_) = false;    // the driver, which then touches nothing
  bool is_needed_queued_ COPROC_GUARDED_BY(mutex_) =
      false;                                            // a result is waited for whose task finds no room in a window
  std::uint64_t rounds_ COPROC_GUARDED_BY(mutex_) = 0;  // that have been driven
  std::size_t lookers_ COPROC_GUARDED_BY(mutex_) = 0;   // that wait for the end of a round
  int empty_naps_ COPROC_GUARDED_BY(mutex_) = 0;        // of the driver, in a row
  bool is_stopped_ COPROC_GUARDED_BY(mutex_) = false;
  bool is_ended_ COPROC_GUARDED_BY(mutex_) = false;  // its workers are

  /// Of PoolOptions::background. Only the constructor and the thread that stops the pool use it.
  std::thread driver_;
};

/// The mutex, held, in the process that made the pool: in a fork of it some thread that the fork does not have may hold
/// it for ever. What was dropped meanwhile is destroyed behind it, and what is to be called is called: destructors of
/// arguments and functions, and these calls, are the user's, and may call the pool.
class COPROC_SCOPED_CAPABILITY PoolCore::Lock {
 public:
  /// Throws NotOwnerError.
  explicit Lock(PoolCore& core) COPROC_ACQUIRE(core.mutex_) : core_(core) {
    core.check_owner();
    core.mutex_.lock();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() COPROC_RELEASE() {
    const TaskList dropped = std::move(core_.dropped_);
    std::shared_ptr<Job> to_call = std::move(core_.to_call_);
    core_.mutex_.unlock();
    call_all(std::move(to_call));
  }

 private:
  PoolCore& core_;
};

}  // namespace coproc::inline v0::detail
