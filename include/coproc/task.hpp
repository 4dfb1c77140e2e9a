// A task that was submitted to a pool: what its result is asked of.
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

/// The result to come of `Pool::submit`, in the way of std::future: move-only. Waiting for it drives the pool. A task whose
/// handle is gone runs all the same. A handle outlives its pool, whose end cancels what has not ended.
///
/// Thread safety: one thread at a time, any; different handles are independent.
template <class R>
class Task {
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

 public:
  Task() noexcept = default;
  Task(Task&&) noexcept = default;
  Task& operator=(Task&&) noexcept = default;

  /// Whether `get` may be called: it is a task, and its result was not taken.
  bool is_valid() const noexcept { return is_valid_; }
  /// Waits for the result and takes it. Throws what the task has thrown (also to be caught as RemoteOrigin; with its own type, if
  /// that is a standard exception or named by `accept_errors`, and else as RemoteError), WorkerDiedError where its worker
  /// ended, TaskTimeoutError, TaskCancelledError, PoolBrokenError, InterruptedError, and InvalidArgumentError where it was taken
  /// already.
  R get() {
    wait_for(kForever);
    is_valid_ = false;
    auto value = detail::decode_result<Value>(*results_.front());
    if constexpr (!std::is_void_v<R>) return value;
  }
  /// Waits at most this long. Whether it has ended: also where there is no time, what has come by now is looked at.
  bool wait_for(Timeout timeout) {
    if (!is_valid_) throw InvalidArgumentError("this task's result was taken already, or it is no task");
    return !results_.empty() || job_.wait(results_, timeout) == detail::JobHandle::News::results;
  }
  /// The same without waiting. Throws nothing that the task has thrown, and takes no interrupt.
  bool is_done() const { return !results_.empty() || (is_valid_ && job_.is_done()); }
  /// Sees to it that there will be no result: `get` then throws TaskCancelledError. A task that has not begun will not run; the
  /// worker of one that runs is killed and replaced. False: it had ended before, and nothing changes.
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
