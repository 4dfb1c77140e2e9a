// A map or a submitted task, in the host.
//
// Thread safety: guarded by the pool's mutex.
// Invariants: added == finished + those in the queue and in the windows. An ordered one has a place
// for each that was added and not read, unless it was stopped or left.
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

/// A function that was given to this pool. Its workers know it by its number, and forget it when it is destroyed.
struct PoolFunction {
  PoolFunction(std::uint32_t n, const TaskCode& c, std::string d, std::shared_ptr<std::atomic<bool>> any_is_destroyed)
      : number(n), code(c), data(std::move(d)), any_is_destroyed_(std::move(any_is_destroyed)) {}
  PoolFunction(const PoolFunction&) = delete;
  PoolFunction& operator=(const PoolFunction&) = delete;
  // relaxed: whoever sees it asks the weak pointers
  ~PoolFunction() { any_is_destroyed_->store(true, std::memory_order_relaxed); }

  const std::uint32_t number;  // no two functions of a pool have the same, ever
  const TaskCode code;         // without `run`: the worker has its own code for all functions
  const std::string data;
  std::uint64_t task_ns = 0;  // how long a task has taken lately; 0: none has ended yet

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
  std::uint64_t read = 0;      // were handed to the reader, or dropped
  TaskList done;               // finished and not read, as they came; of one that is not ordered
  std::deque<TaskPtr> places;  // of an ordered one: from `next` on, null where the result has not come
  std::uint64_t next = 0;      // of an ordered one: the index that is read next
  std::size_t held_bytes = 0;  // of a map: what its results take that nobody has read
  bool is_input_at_end = false;
  bool is_left = false;     // nobody reads it any more
  bool is_failed = false;   // as a whole: what has not ended will not
  bool is_awaited = false;  // its reader waits just now
  /// The index of the task whose failure ended it: what lies behind (of an unordered one: what comes later) is dropped.
  std::uint64_t stopped_at = kNotStopped;
  std::exception_ptr end_error;       // thrown behind the last result
  Waiter* reader = nullptr;           // that waits for it and does not drive
  std::function<void()> then;         // of a submitted task: to be called when it has ended
  std::shared_ptr<Job> next_to_call;  // of those whose `then` is to be called

  static constexpr std::uint64_t kNotStopped = std::numeric_limits<std::uint64_t>::max();

  bool is_stopped() const noexcept { return stopped_at != kNotStopped; }
  /// A map that was left is not run to its end; a submitted task is.
  bool drops(const Task& task) const noexcept {
    return (is_left && !shape.is_submitted) || is_failed ||
           (is_stopped() && (shape.is_ordered ? task.index > stopped_at : task.index != stopped_at));
  }
  bool has_result() const noexcept {
    return shape.is_ordered ? !places.empty() && places.front() != nullptr : !done.empty();
  }
};

}  // namespace coproc::inline v0::detail
