// A handle to a task that was submitted to a pool.
#pragma once

#include <concepts>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include "coproc/detail/task.hpp"
#include "coproc/errors.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

template <class State>
class Pool;

namespace detail {
struct TaskAccess;
}

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
  Task(Task&& other) noexcept
      : job_(std::move(other.job_)),
        results_(std::exchange(other.results_, {})),
        is_valid_(std::exchange(other.is_valid_, false)) {}
  Task& operator=(Task&& other) noexcept {
    job_ = std::move(other.job_);
    results_ = std::exchange(other.results_, {});
    is_valid_ = std::exchange(other.is_valid_, false);
    return *this;
  }

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
    check_valid();
    return !results_.empty() || job_.wait(results_, timeout) == detail::JobHandle::News::results;
  }
  /// Whether the task has ended. Takes in the results that have arrived, without waiting. Does not throw the exception
  /// of the task, and is not interrupted.
  bool is_done() const { return !results_.empty() || (is_valid_ && job_.is_done()); }
  /// Cancels the task, so that `get` throws TaskCancelledError. A task that has not begun will not run; if the task
  /// runs, its worker is killed and replaced. Returns false if the task had ended before; then nothing changes.
  bool cancel() { return is_valid_ && results_.empty() && job_.cancel(); }
  /// Calls `function` with this task once it has ended, also by a failure; its `get` then does not wait. The function
  /// is called once: now, or later by a thread that is in a call of the pool (a wait, `Pool::poll`, the pool's stop),
  /// or by the thread of `PoolOptions::background`. It may use the pool. An exception that leaves it ends the program.
  /// Afterwards this handle is not valid any more. Throws InvalidArgumentError like `get`.
  template <std::invocable<Task> F>
  void then(F function) {
    check_valid();
    struct Kept {
      Task task;
      F function;
    };
    auto kept = std::make_shared<Kept>(Kept{Task(), std::move(function)});
    std::function<void()> call = [kept]() noexcept { kept->function(std::move(kept->task)); };
    kept->task = std::move(*this);  // nothing has thrown: from here on the call owns the task
    kept->task.job_.then(std::move(call));
  }
  /// `co_await pool.submit(...)` in a coroutine of any library: waits for the task's end without blocking the thread,
  /// and returns or throws what `get` does. The coroutine is resumed where `then` calls its function.
  auto operator co_await() && noexcept { return Awaiter{std::move(*this)}; }

 private:
  struct Awaiter {
    Task task;
    bool await_ready() const { return task.is_done() || !task.is_valid(); }
    void await_suspend(std::coroutine_handle<> coroutine) {
      // Nothing of this object may be used once `then` has been called, which may have resumed the coroutine.
      std::move(task).then([this, coroutine](Task ended) {
        task = std::move(ended);
        coroutine.resume();
      });
    }
    R await_resume() { return task.get(); }
  };

  template <class State>
  friend class Pool;
  friend struct detail::TaskAccess;
  explicit Task(detail::JobHandle job) noexcept : job_(std::move(job)), is_valid_(true) {}
  void check_valid() const {
    if (!is_valid_) throw InvalidArgumentError("this task's result was taken already, or it is no task");
  }

  detail::JobHandle job_;
  std::deque<detail::TaskPtr> results_;
  bool is_valid_ = false;
};

}  // namespace coproc::inline v0
