// A start that was asked for, for coroutines that await it.
#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "coproc/worker.hpp"

namespace coproc::inline v0 {

/// What `start_async` returns. A program without coroutines needs nothing of it.
///
///     co_await worker.start_async(arguments...);   // returns when the worker runs, and throws StartError
///
/// The coroutine is resumed by the call that finds the start to be over: `Worker::await_start`, which an event loop
/// makes when `Worker::start_handle` is readable, or one that gives the start up (then it throws CancelledError).
/// Destroying the coroutine is allowed, and gives up nothing.
///
/// Thread safety: that of the worker, which must not be moved or destroyed before `co_await`.
class Starting {
 public:
  explicit Starting(Worker& worker) noexcept : worker_(&worker) {}

  /// Calls `function` once the start is over, with null or with what went wrong: now, or later where a coroutine would
  /// be resumed.
  void then(std::function<void(std::exception_ptr)> function) const {
    std::exception_ptr error;
    try {
      if (!worker_->await_start(std::chrono::seconds(0))) return worker_->when_started(std::move(function));
    } catch (...) {
      error = std::current_exception();
    }
    function(error);
  }
  auto operator co_await() const noexcept { return Awaiter{worker_, nullptr}; }

 private:
  struct Waiting {
    std::coroutine_handle<> coroutine;
    std::exception_ptr error;
  };
  struct Awaiter {
    Worker* worker;
    std::shared_ptr<Waiting> waiting;  // goes with the coroutine

    bool await_ready() const { return worker->await_start(std::chrono::seconds(0)); }
    void await_suspend(std::coroutine_handle<> coroutine) {
      waiting = std::make_shared<Waiting>(Waiting{coroutine, nullptr});
      worker->when_started([weak = std::weak_ptr<Waiting>(waiting)](std::exception_ptr error) {
        const std::shared_ptr<Waiting> living = weak.lock();
        if (living == nullptr) return;
        living->error = std::move(error);
        living->coroutine.resume();
      });
    }
    void await_resume() const {
      if (waiting != nullptr && waiting->error != nullptr) std::rethrow_exception(waiting->error);
    }
  };

  Worker* worker_;
};

}  // namespace coproc::inline v0
