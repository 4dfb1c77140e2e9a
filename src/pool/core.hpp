// The core of a pool: its workers, the tasks that wait for them, and the calls that drive both.
//
// The source files are split by subject: core.cpp (jobs), looks.cpp (calls that only report), wait.cpp (waiting for
// results), drive.cpp (the rounds of the thread that drives), event_loop.cpp (driving by an event loop of the host),
// starting.cpp (new workers), dispatch.cpp (tasks to workers), collect.cpp (results from workers), end.cpp (ends of
// workers), hung.cpp (workers that hang), held.cpp (unread results), stop.cpp (the end of the pool), report.cpp (what
// is told to the census).
//
// The pool has no thread of its own, unless PoolOptions::background is set: a call that has to wait drives the pool for
// all callers. One thread drives at a time. The others sleep until their results have arrived or it is their turn.
//
// No call waits for a single worker while it holds the mutex. That a worker does not read, or has not ended yet, is a
// state of its slot, which is checked again in later rounds.
//
// Thread safety: all public members may be called by any thread. One mutex guards everything. It is unlocked only while
// the driver sleeps, while a worker is started, while one that hangs is ended, while deferred code of the user runs,
// and while the workers are stopped. A worker that is being started, or ended since it hangs, belongs to the thread
// that does it; while the workers are stopped no other thread uses their messengers.
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

#include "census/pool.hpp"
#include "census/roll.hpp"
#include "coproc/detail/task.hpp"
#include "coproc/messenger.hpp"
#include "coproc/pool_insights.hpp"
#include "coproc/pool_options.hpp"
#include "os/clock.hpp"
#include "os/fork_guard.hpp"
#include "os/mutex.hpp"
#include "pool/end_calls.hpp"
#include "pool/event_loop.hpp"
#include "pool/job.hpp"
#include "pool/restarts.hpp"
#include "pool/slot.hpp"
#include "pool/task_list.hpp"

namespace coproc::inline v0::detail {

class PoolCore final : public census::PoolSource {
 public:
  /// Starts the workers. REQUIRES: the options state the number of workers and their name. Throws StartError.
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
  void tend() COPROC_EXCLUDES(mutex_);
  bool is_done(const Job& job) COPROC_EXCLUDES(mutex_);
  bool cancel(Job& job, bool even_if_running) COPROC_EXCLUDES(mutex_);
  void then(const std::shared_ptr<Job>& job, std::function<void()> function) COPROC_EXCLUDES(mutex_);
  /// Call when nobody will read the job's results. The rest of a map is dropped; a submitted task still runs.
  void abandon(Job& job) noexcept COPROC_EXCLUDES(mutex_);
  // wait.cpp
  JobHandle::News wait(Job& job, std::deque<TaskPtr>& into, Timeout timeout) COPROC_EXCLUDES(mutex_);
  bool wait_any(std::span<Job* const> jobs, Timeout timeout) COPROC_EXCLUDES(mutex_);
  bool wait_for_submitted(Timeout timeout) COPROC_EXCLUDES(mutex_);
  void interrupt() noexcept;
  // event_loop.cpp
  int native_handle() COPROC_EXCLUDES(mutex_);
  void drive_without_waiting() COPROC_EXCLUDES(mutex_);
  // stop.cpp
  void stop(const StopOptions& options) COPROC_EXCLUDES(mutex_);
  // looks.cpp
  std::size_t pending() COPROC_EXCLUDES(mutex_);
  PoolInsights insights() COPROC_EXCLUDES(mutex_);
  // report.cpp
  census::PoolReading read() noexcept override COPROC_EXCLUDES(mutex_);
  std::vector<int> pids() COPROC_EXCLUDES(mutex_);
  /// Checks that each call of this job is in exactly one place: in the queue, in a window, or finished. Returns a
  /// description of the mistake, or an empty string. Tests call it, and debug builds check it in each round.
  std::string broken_invariant(const Job& job) COPROC_EXCLUDES(mutex_);

 private:
  class Lock;
  using Slot = pool::Slot;
  class Turn;
  class Asleep;

  // drive.cpp
  /// Schedules tasks for destruction once the mutex is unlocked, because destructors of the user may call the pool.
  void drop(TaskPtr task) noexcept COPROC_REQUIRES(mutex_) { dropped_.push_back(std::move(task)); }
  void drop(TaskList tasks) noexcept COPROC_REQUIRES(mutex_) { dropped_.append(std::move(tasks)); }
  bool run_deferred() noexcept COPROC_REQUIRES(mutex_);

  // core.cpp
  bool is_own_process() const noexcept { return os::fork_generation() == owner_; }
  void check_owner() const;
  bool take_results(Job& job, std::deque<TaskPtr>& into) COPROC_REQUIRES(mutex_);
  bool is_finished(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  void note_submitted_end(const std::shared_ptr<Job>& job) noexcept COPROC_REQUIRES(mutex_);
  void finish(Slot* slot, TaskPtr task) noexcept COPROC_REQUIRES(mutex_);
  void drop_results(Job& job) noexcept COPROC_REQUIRES(mutex_);
  void drop_unfinished(Job& job) noexcept COPROC_REQUIRES(mutex_);

  // stop.cpp
  void fail_all(TaskList tasks, const std::exception_ptr& error) noexcept COPROC_REQUIRES(mutex_);
  void fail_waiting(const std::exception_ptr& error) noexcept COPROC_REQUIRES(mutex_);
  void break_pool(const std::exception_ptr& cause) noexcept COPROC_REQUIRES(mutex_);
  void note_broken() noexcept COPROC_REQUIRES(mutex_);
  void stop_workers(const StopOptions& options) COPROC_REQUIRES(mutex_);

  // looks.cpp
  std::string invariant_broken_by(const Job& job) const COPROC_REQUIRES(mutex_);

  // starting.cpp
  static void start_all(std::span<const std::unique_ptr<Slot>> slots);
  bool wants_workers() const noexcept COPROC_REQUIRES(mutex_);
  Slot* slot_to_start() const noexcept COPROC_REQUIRES(mutex_);
  bool start_missing() noexcept COPROC_REQUIRES(mutex_);
  void start_missing_without_waiting() noexcept COPROC_REQUIRES(mutex_);
  template <class Step>
  void launch(Slot& slot, const Step& step) noexcept COPROC_REQUIRES(mutex_);
  void note_failed_start(Slot& slot, const std::exception_ptr& cause) noexcept COPROC_REQUIRES(mutex_);
  void delay_start(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  void count_end(const std::string& text, const std::exception_ptr& cause) COPROC_REQUIRES(mutex_);

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

  // wait.cpp
  /// Drives, or sleeps while another thread drives, until `is_ready` returns true. Returns false if the time is over
  /// before. The thread is notified of changes of `jobs`. Throws what `is_ready` throws, and InterruptedError.
  template <class IsReady>
  bool wait_until(const IsReady& is_ready, Timeout timeout, std::span<Job* const> jobs) COPROC_REQUIRES(mutex_);
  void poll() COPROC_REQUIRES(mutex_);
  void notify(Job& job) noexcept COPROC_REQUIRES(mutex_);
  void notify_all() noexcept COPROC_REQUIRES(mutex_);
  void wake_next_driver() noexcept COPROC_REQUIRES(mutex_);

  // drive.cpp
  void drive_once(const os::Deadline& deadline) COPROC_REQUIRES(mutex_);
  bool pump() noexcept COPROC_REQUIRES(mutex_);
  void check_invariants() const COPROC_REQUIRES(mutex_);
  void sleep(const os::Deadline& deadline) COPROC_REQUIRES(mutex_);
  std::int64_t next_look(const Slot& slot, std::int64_t now) const noexcept COPROC_REQUIRES(mutex_);
  std::chrono::nanoseconds nap_length() const noexcept COPROC_REQUIRES(mutex_);
  void wake_driver() noexcept COPROC_REQUIRES(mutex_);
  void drive_in_background() COPROC_EXCLUDES(mutex_);

  // event_loop.cpp
  void arm_event_loop() noexcept COPROC_REQUIRES(mutex_);
  void collect_readable() noexcept COPROC_REQUIRES(mutex_);

  // dispatch.cpp
  bool dispatch() COPROC_REQUIRES(mutex_);
  void send_skips() noexcept COPROC_REQUIRES(mutex_);
  void send_forgets() noexcept COPROC_REQUIRES(mutex_);
  bool may_wait_behind(const Slot& slot, const Job& job, std::int64_t now) const noexcept COPROC_REQUIRES(mutex_);
  Slot* slot_for(const Task& task, std::int64_t now) noexcept COPROC_REQUIRES(mutex_);
  std::size_t window_of(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  std::size_t chunk_of(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  std::size_t stretch_of(const Job& job) const noexcept COPROC_REQUIRES(mutex_);
  bool send_from_queue(Slot& slot) COPROC_REQUIRES(mutex_);
  bool send_or_fail(Slot& slot, TaskList& tasks) COPROC_REQUIRES(mutex_);

  // collect.cpp
  template <class Talk>
  bool talk(Slot& slot, const Talk& talk) noexcept COPROC_REQUIRES(mutex_);
  bool collect(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  bool take_all(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  void collect_woken(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  bool take_block(Slot& slot, bool& any) COPROC_REQUIRES(mutex_);
  void take(Slot& slot, Message&& message) COPROC_REQUIRES(mutex_);
  struct Answer;
  void take_answer(Slot& slot, const Answer& answer) COPROC_REQUIRES(mutex_);
  void take_result(Slot& slot, const Answer& answer, const pool::ResultHead& head, std::span<const std::byte> result)
      COPROC_REQUIRES(mutex_);
  void split_off_answered(Slot& slot) COPROC_REQUIRES(mutex_);
  void note_time(Slot& slot, const Task& task, std::uint64_t work_ns) noexcept COPROC_REQUIRES(mutex_);
  void replace_if_used_up(Slot& slot) COPROC_REQUIRES(mutex_);
  void replace_used_up() noexcept COPROC_REQUIRES(mutex_);

  // hung.cpp
  bool find_hung() noexcept COPROC_REQUIRES(mutex_);
  bool end_hung() COPROC_REQUIRES(mutex_);

  // end.cpp
  std::int64_t due_at(const Slot& slot) const noexcept COPROC_REQUIRES(mutex_);
  bool take_ends() noexcept COPROC_REQUIRES(mutex_);
  void take_deaths() noexcept COPROC_REQUIRES(mutex_);
  bool take_end(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  bool awaits_fence(Slot& slot, const ExitStatus& status) noexcept COPROC_REQUIRES(mutex_);
  bool may_run_on(const Slot& slot, const ExitStatus& status) const noexcept COPROC_REQUIRES(mutex_);
  const Machine* machine_of(std::size_t place) const noexcept;
  void take_last_answers(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  void end_overdue() noexcept COPROC_REQUIRES(mutex_);
  void give_up(Slot& slot) noexcept COPROC_REQUIRES(mutex_);
  void reap_lost() noexcept COPROC_REQUIRES(mutex_);
  void note_end(Slot& slot, const ExitStatus& status) noexcept COPROC_REQUIRES(mutex_);
  bool is_counted(const Slot& slot, const ExitStatus& status) const noexcept COPROC_REQUIRES(mutex_);
  void empty(Slot& slot, const ExitStatus& status) noexcept COPROC_REQUIRES(mutex_);
  std::exception_ptr error_of_end(const Slot& slot, const Task& task, const ExitStatus& status) noexcept
      COPROC_REQUIRES(mutex_);

  // constant after construction:
  const PoolOptions options_;
  const MakePoolWorker make_worker_;
  const bool watches_;         // there are limits to the health of workers
  const unsigned long owner_;  // fork_generation() of the process that made the pool
  const std::shared_ptr<std::atomic<bool>> is_function_destroyed_ = std::make_shared<std::atomic<bool>>(false);

  PriorityMessenger doorbell_;               // has no peer; its interrupt() ends the driver's sleep
  std::atomic<bool> is_interrupted_{false};  // interrupt() was called, and no wait has thrown yet

  os::Mutex mutex_;  // also guards the members of all jobs and slots
  std::vector<std::unique_ptr<Slot>> slots_ COPROC_GUARDED_BY(mutex_);
  /// Workers that could not be killed. Others have taken their slots.
  std::vector<std::unique_ptr<pool::PoolWorker>> lost_ COPROC_GUARDED_BY(mutex_);
  std::int64_t reap_lost_at_ COPROC_GUARDED_BY(mutex_) = 0;
  TaskList queue_ COPROC_GUARDED_BY(mutex_);    // tasks that no worker has
  TaskList dropped_ COPROC_GUARDED_BY(mutex_);  // tasks that are destroyed once the mutex is unlocked
  /// The functions of C++, by their code.
  std::map<std::pair<void (*)(TaskRun&), void (*)()>, std::shared_ptr<PoolFunction>> functions_
      COPROC_GUARDED_BY(mutex_);
  std::uint32_t next_function_ COPROC_GUARDED_BY(mutex_) = 0;
  /// The jobs whose `then` is called once the mutex is unlocked: a list through `next_to_call`, latest first.
  std::shared_ptr<Job> to_call_ COPROC_GUARDED_BY(mutex_);
  std::deque<Waiter*> waiters_ COPROC_GUARDED_BY(mutex_);  // threads that wait and do not drive
  std::vector<SlowTask> slowest_ COPROC_GUARDED_BY(mutex_);
  std::size_t unfinished_submitted_ COPROC_GUARDED_BY(mutex_) = 0;  // submitted tasks that have not ended
  std::size_t submitted_held_ COPROC_GUARDED_BY(mutex_) = 0;        // bytes of unread results of submitted tasks
  std::size_t waits_for_submitted_ COPROC_GUARDED_BY(mutex_) = 0;   // threads in wait_for_submitted()
  std::uint64_t submitted_ COPROC_GUARDED_BY(mutex_) = 0;           // submitted tasks in all
  std::int64_t lost_at_ COPROC_GUARDED_BY(mutex_) = 0;  // when a connection to a machine was last found lost
  pool::Restarts restarts_ COPROC_GUARDED_BY(mutex_);
  /// The number of workers that have ended in succession before they ran anything.
  std::size_t failures_ COPROC_GUARDED_BY(mutex_) = 0;
  bool is_broken_ COPROC_GUARDED_BY(mutex_) = false;     // no worker is started until there are tasks
  bool any_ended_ COPROC_GUARDED_BY(mutex_) = false;     // of the workers, since the last round: tasks may have failed
  bool is_driving_ COPROC_GUARDED_BY(mutex_) = false;    // a thread drives
  bool is_asleep_ COPROC_GUARDED_BY(mutex_) = false;     // the driver sleeps on the links and the doorbell
  bool is_napping_ COPROC_GUARDED_BY(mutex_) = false;    // the driver sleeps for a fixed time, and uses no messenger
  bool is_launching_ COPROC_GUARDED_BY(mutex_) = false;  // a thread starts a worker
  std::size_t ending_hung_ COPROC_GUARDED_BY(mutex_) = 0;  // threads that end a worker that hangs
  Slot* asked_ COPROC_GUARDED_BY(mutex_) = nullptr;        // its start was asked for, and no thread goes on with it
  /// A thread waits for a task that is still queued. Results are then taken in beyond the limit, to make room for it.
  bool is_needed_queued_ COPROC_GUARDED_BY(mutex_) = false;
  std::unique_ptr<pool::EventLoop> event_loop_ COPROC_GUARDED_BY(mutex_);  // null before native_handle()
  std::uint64_t rounds_ COPROC_GUARDED_BY(mutex_) = 0;                     // rounds that were driven
  std::size_t pollers_ COPROC_GUARDED_BY(mutex_) = 0;                      // threads that wait for the end of a round
  int empty_naps_ COPROC_GUARDED_BY(mutex_) = 0;                           // naps of the driver in succession
  bool is_stopped_ COPROC_GUARDED_BY(mutex_) = false;                      // stop() was called
  bool is_ended_ COPROC_GUARDED_BY(mutex_) = false;                        // stop() has ended the workers

  /// The thread of PoolOptions::background. Only the constructor and the thread that stops the pool use it.
  std::thread driver_;

  census::Pools::Entry entry_{*this};  // last, so that it goes first: until then another thread may call read()
};

/// Holds the mutex while it lives. In a forked child it throws, because the mutex may be held there for ever by a
/// thread that the child does not have. After the unlock it destroys dropped tasks and calls `then` of ended jobs:
/// these destructors and functions are the user's, and may call the pool.
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
    if (!core_.is_driving_ || core_.is_napping_) core_.arm_event_loop();
    const TaskList dropped = std::move(core_.dropped_);
    std::shared_ptr<Job> to_call = std::move(core_.to_call_);
    core_.mutex_.unlock();
    EndCalls::make(std::move(to_call));
  }

 private:
  PoolCore& core_;
};

}  // namespace coproc::inline v0::detail
