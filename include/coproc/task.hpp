// A handle to a task that was submitted to a pool.
#pragma once

#include <deque>
#include <type_traits>
#include <utility>
#include <variant>

#include "coproc/detail/task.hpp"
#include "coproc/errors.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

template <class State>
class Pool;

/// The future result of `Pool::submit`: move-only, and similar to std::future. A wait for it drives the pool. A task
/// runs even if its handle was destroyed. A handle may outlive its pool, whose destructor cancels the tasks that have
/// not ended.
///
/// Thread safety: any thread may use a handle, but only one at a time. Different handles are independent.
template <class R>
class Task {
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

 public:
  Task() noexcept = default;
  Task(Task&&) noexcept = default;
  Task& operator=(Task&&) noexcept = default;

  /// Whether `get` may be called: the handle has a task, and its result was not taken yet.
  bool is_valid() const noexcept { return is_valid_; }
  /// Waits for the result and takes it. Throws the exception of the task, with its own type if that is a standard
  /// exception or was declared by `accept_errors`, and otherwise as a RemoteError; it can always be caught as a
  /// RemoteOrigin, too. Throws WorkerDiedError if the worker has ended, TaskTimeoutError, TaskCancelledError,
  /// PoolBrokenError, InterruptedError, and InvalidArgumentError if the result was taken already.
  R get() {
    wait_for(kForever);
    is_valid_ = false;
    auto value = detail::decode_result<Value>(*results_.front());
    if constexpr (!std::is_void_v<R>) return value;
  }
  /// Waits at most this long, and returns whether the task has ended. With a time of zero it still takes in the results
  /// that have arrived.
  bool wait_for(Timeout timeout) {
    if (!is_valid_) throw InvalidArgumentError("this task's result was taken already, or it is no task");
    return !results_.empty() || job_.wait(results_, timeout) == detail::JobHandle::News::results;
  }
  /// Whether the task has ended. Takes in the results that have arrived, without waiting. Does not throw the exception
  /// of the task, and is not interrupted.
  bool is_done() const { return !results_.empty() || (is_valid_ && job_.is_done()); }
  /// Cancels the task, so that `get` throws TaskCancelledError. A task that has not begun will not run; if the task
  /// runs, its worker is killed and replaced. Returns false if the task had ended before; then nothing changes.
  bool cancel() { return is_valid_ && results_.empty() && job_.cancel(); }

 private:
  template <class State>
  friend class Pool;
  explicit Task(detail::JobHandle job) noexcept : job_(std::move(job)), is_valid_(true) {}

  detail::JobHandle job_;
  std::deque<detail::TaskPtr> results_;
  bool is_valid_ = false;
};

}  // namespace coproc::inline v0
