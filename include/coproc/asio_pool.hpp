// The tasks of a pool as operations of Asio: a part of asio.hpp, which says what they take.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "coproc/detail/asio.hpp"
#include "coproc/pool.hpp"
#include "coproc/task.hpp"

namespace coproc::inline v0 {

namespace detail {

struct TaskAccess {
  template <class R>
  static void when_ended(v0::Task<R>& task, std::function<void()> function) {
    task.job_.then(std::move(function));
  }
};

}  // namespace detail

/// The tasks of a pool as operations of Asio, whose loop drives the pool.
///
///     coproc::AsioPool tasks(io.get_executor(), pool);
///     Image small = co_await tasks.async_submit(&resize, image, 640, asio::use_awaitable);
///
/// Handlers are called as those of AsioMessenger, and get what `Task::get` throws. An operation that is cancelled
/// cancels its task. The pool may be used as always meanwhile. It must outlive this object. When this object is
/// destroyed, tasks go on, and their handlers are called once something else drives the pool.
///
/// Thread safety: one thread at a time uses this object and its executor.
template <class P>
class AsioPool {
 public:
  AsioPool(detail::net::any_io_executor executor, P& pool)
      : state_(std::make_shared<State>(std::move(executor), pool)) {}
  AsioPool(AsioPool&&) noexcept = default;
  AsioPool& operator=(AsioPool&&) = delete;
  ~AsioPool() {
    if (state_ != nullptr) state_->readable.close();
  }

  detail::net::any_io_executor get_executor() const { return state_->executor; }

  /// Submits a task, as `Pool::submit` with these arguments does, at once; the last argument is the completion token:
  /// `handler(std::exception_ptr, R)`, or `handler(std::exception_ptr)` if the task returns nothing.
  template <class... A>
  auto async_submit(A&&... arguments_and_token) {
    return detail::with_token_first(
        [this]<class Token, class... Each>(Token&& token, Each&&... each) {
          return async_result(state_->pool.submit(std::forward<Each>(each)...), std::forward<Token>(token));
        },
        std::forward<A>(arguments_and_token)...);
  }
  /// The result of a task that was submitted.
  template <class R, class Token>
  auto async_result(Task<R> task, Token&& token) {
    return detail::net::async_initiate<Token, detail::asio_signature_t<R>>(
        [state = state_]<class Handler>(Handler&& handler, Task<R> submitted) {
          using Operation = AsioTask<R, std::decay_t<Handler>>;
          state->begin(
              std::make_shared<Operation>(std::forward<Handler>(handler), state->executor, std::move(submitted)));
        },
        token, std::move(task));
  }

 private:
  template <class R, class Handler>
  struct AsioTask {
    AsioTask(Handler handler, const detail::net::any_io_executor& executor, Task<R> submitted)
        : task(std::move(submitted)), completion(std::move(handler), executor) {}
    void finish() {
      try {
        if constexpr (std::is_void_v<R>) {
          task.get();
          completion.call(nullptr);
        } else {
          completion.call(nullptr, task.get());
        }
      } catch (...) {
        if constexpr (std::is_void_v<R>) {
          completion.call(std::current_exception());
        } else {
          completion.call(std::current_exception(), detail::no_result<R>());
        }
      }
    }

    Task<R> task;
    detail::AsioCompletion<Handler> completion;
  };

  struct State : std::enable_shared_from_this<State> {
    State(detail::net::any_io_executor its_executor, P& its_pool)
        : executor(std::move(its_executor)), pool(its_pool), readable(executor) {
      try {
        readable.open(pool.native_handle());
      } catch (const InvalidArgumentError&) {
        // A thread of the pool drives it (PoolOptions::background).
      }
    }

    template <class Operation>
    void begin(std::shared_ptr<Operation> operation) {
      ++pending;
      operation->completion.on_cancel([weak = std::weak_ptr<Operation>(operation)] {
        if (const auto living = weak.lock()) living->task.cancel();
      });
      // Another thread may be the one that finds the end of the task. It keeps nothing, since the loop may end, and be
      // destroyed, before that thread goes on.
      detail::TaskAccess::when_ended(operation->task, [self = this->shared_from_this(), operation]() mutable {
        const auto loop = self->executor;
        detail::net::post(loop, [self = std::move(self), operation = std::move(operation)] {
          operation->finish();
          if (--self->pending == 0) self->readable.stop_waiting();
        });
      });
      wait();
    }
    void wait() {
      if (is_waiting || pending == 0 || !readable.is_open()) return;
      is_waiting = true;
      readable.wait([weak = this->weak_from_this()](detail::NetError error) {
        const auto state = weak.lock();
        if (state == nullptr) return;
        state->is_waiting = false;
        if (!error) state->pool.poll();
        state->wait();
      });
    }

    detail::net::any_io_executor executor;
    P& pool;
    detail::AsioReadable readable;
    std::size_t pending = 0;
    bool is_waiting = false;
  };

  std::shared_ptr<State> state_;
};

}  // namespace coproc::inline v0
