// A map or a submitted task in the host.
//
// Thread safety: guarded by the pool's mutex.
// Invariants: `added` is the sum of `finished` and of the calls in the queue and in the windows. An ordered job has a
// place for each call that was added and not read, unless it was stopped or abandoned.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "coproc/detail/task.hpp"
#include "os/clock.hpp"
#include "pool/task_list.hpp"

namespace coproc::inline v0::detail {

/// A function that was given to this pool. Workers are sent it once, and then only its number. After it was destroyed
/// they are told to forget it.
struct PoolFunction {
  PoolFunction(std::uint32_t n, const TaskCode& c, std::string d, std::shared_ptr<std::atomic<bool>> any_is_destroyed)
      : number(n), code(c), data(std::move(d)), any_is_destroyed_(std::move(any_is_destroyed)) {}
  PoolFunction(const PoolFunction&) = delete;
  PoolFunction& operator=(const PoolFunction&) = delete;
  // relaxed: a thread that sees the flag checks the weak pointers
  ~PoolFunction() { any_is_destroyed_->store(true, std::memory_order_relaxed); }

  const std::uint32_t number;  // unique in its pool, and never used again
  const TaskCode code;         // without `run` if the workers have their own code for all functions
  const std::string data;
  std::uint64_t task_ns = 0;  // moving average of the time of a call; 0 until one has ended

 private:
  const std::shared_ptr<std::atomic<bool>> any_is_destroyed_;
};

/// A thread that waits for the pool.
struct Waiter {
  std::condition_variable changed;
};

struct Job {
  Job(std::shared_ptr<PoolFunction> f, TaskOptions&& o, const JobShape& s)
      : function(std::move(f)), options(std::move(o)), shape(s) {}

  const std::shared_ptr<PoolFunction> function;
  const TaskOptions options;
  const JobShape shape;

  std::uint64_t added = 0;
  std::uint64_t finished = 0;
  std::uint64_t read = 0;      // calls whose results were handed to the reader, or dropped
  TaskList done;               // unread results in the order of arrival, if the job is not ordered
  std::deque<TaskPtr> places;  // of an ordered job: its tasks from `next` on; null until the result has arrived
  std::uint64_t next = 0;      // of an ordered job: the index of the next result to be read
  std::size_t held_bytes = 0;  // of a map: the bytes of its unread results
  bool is_input_at_end = false;
  bool is_abandoned = false;  // its handle was destroyed: nobody will read results
  bool is_failed = false;     // the whole map failed: no further results will arrive
  bool is_awaited = false;    // a thread waits for its results
  /// The index of the task whose failure ended the map (`stop_on_error`). Results behind it are dropped; if the job is
  /// not ordered, those that arrive later.
  std::uint64_t stopped_at = kNotStopped;
  std::exception_ptr end_error;       // thrown behind the last result
  Waiter* reader = nullptr;           // the thread that waits for this job and does not drive, or null
  std::function<void()> then;         // of a submitted task: is called when it has ended
  std::shared_ptr<Job> next_to_call;  // the next job in PoolCore::to_call_

  static constexpr std::uint64_t kNotStopped = std::numeric_limits<std::uint64_t>::max();

  bool is_stopped() const noexcept { return stopped_at != kNotStopped; }
  /// Whether the result of this task is not wanted any more. An abandoned map ends, but a submitted task still runs.
  bool drops(const Task& task) const noexcept {
    return (is_abandoned && !shape.is_submitted) || is_failed ||
           (is_stopped() && (shape.is_ordered ? task.index > stopped_at : task.index != stopped_at));
  }
  bool has_result() const noexcept {
    return shape.is_ordered ? !places.empty() && places.front() != nullptr : !done.empty();
  }
};

}  // namespace coproc::inline v0::detail
