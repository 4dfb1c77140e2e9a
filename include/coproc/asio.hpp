// Workers and pools in programs that use Asio: operations with any completion token (a function, asio::use_future,
// asio::use_awaitable, ...). For programs that want it: coproc itself needs no Asio, and this header is no part of
// coproc.hpp.
//
// It takes the Asio that stands alone, <asio.hpp>. Define COPROC_USE_BOOST_ASIO before including it to take
// <boost/asio.hpp>. Operations can be cancelled one by one (asio::bind_cancellation_slot, awaitable operators) where
// Asio can do that: from Asio 1.20 and Boost 1.77 on.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

// Behind the standard headers: that of Boost 1.74 lacks some.
#if defined(COPROC_USE_BOOST_ASIO)
#include <boost/asio.hpp>
#define COPROC_ASIO_CAN_CANCEL (BOOST_ASIO_VERSION >= 102000)
#else
#include <asio.hpp>
#define COPROC_ASIO_CAN_CANCEL (ASIO_VERSION >= 102000)
#endif

#include "coproc/async.hpp"
#include "coproc/call_payload.hpp"
#include "coproc/channel.hpp"
#include "coproc/detail/async.hpp"
#include "coproc/detail/duplicate_fd.hpp"
#include "coproc/detail/message_access.hpp"
#include "coproc/errors.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/pool.hpp"
#include "coproc/request_id.hpp"
#include "coproc/starting.hpp"
#include "coproc/task.hpp"
#include "coproc/timeout.hpp"
#include "coproc/worker_resource.hpp"

namespace coproc::inline v0 {

namespace detail {

#if defined(COPROC_USE_BOOST_ASIO)
namespace net = ::boost::asio;
using NetError = ::boost::system::error_code;
#else
namespace net = ::asio;
using NetError = ::std::error_code;
#endif

/// What a handler is called with: what went wrong or null, and the result.
template <class R>
struct AsioSignature {
  using type = void(std::exception_ptr, R);
};
template <>
struct AsioSignature<void> {
  using type = void(std::exception_ptr);
};
template <class R>
using asio_signature_t = typename AsioSignature<R>::type;

/// The result that goes with an error.
template <class R>
R no_result() {
  if constexpr (std::is_same_v<R, Message>) {
    return MessageAccess::make();
  } else {
    static_assert(
        std::is_default_constructible_v<R>,
        "coproc: a handler is called with a result also if there is an error, so that its type needs a default "
        "constructor: receive a coproc::Message, and call get()");
    return R();
  }
}

/// A handler that is called once, on its associated executor, and never before the call that was given it has returned.
/// Until then both executors have work: its own, and that of the object of the operation.
template <class Handler>
class AsioCompletion {
 public:
  AsioCompletion(Handler handler, const net::any_io_executor& executor)
      : handler_(std::move(handler)), object_work_(executor), work_(net::get_associated_executor(handler_, executor)) {}

  /// Calls `cancel` if the handler's operation is cancelled before it is done.
  template <class Cancel>
  void on_cancel([[maybe_unused]] Cancel cancel) {
#if COPROC_ASIO_CAN_CANCEL
    auto slot = net::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected()) return;
    slot.assign([cancel = std::move(cancel)](net::cancellation_type type) {
      if (type != net::cancellation_type::none) cancel();
    });
#endif
  }

  template <class... Results>
  void call(std::exception_ptr error, Results... results) {
#if COPROC_ASIO_CAN_CANCEL
    auto slot = net::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
#endif
    auto invoke = [handler = std::move(handler_), error = std::move(error),
                   kept = std::tuple<Results...>(std::move(results)...)]() mutable {
      std::apply([&](Results&... each) { std::move(handler)(std::move(error), std::move(each)...); }, kept);
    };
    const auto object_executor = object_work_.get_executor();
    net::post(object_executor, [invoke = std::move(invoke), work = std::move(work_)]() mutable {
      const auto executor = work.get_executor();
      net::dispatch(executor, std::move(invoke));
    });
    object_work_.reset();
  }

 private:
  Handler handler_;
  net::executor_work_guard<net::any_io_executor> object_work_;
  net::executor_work_guard<net::associated_executor_t<Handler, net::any_io_executor>> work_;
};

/// A descriptor that Asio waits for. It is a duplicate, which leaves the original to its owner.
class AsioReadable {
 public:
  explicit AsioReadable(const net::any_io_executor& executor) : descriptor_(executor) {}

  bool is_open() const { return descriptor_.is_open(); }
  void open(int fd) { descriptor_.assign(duplicate_fd(fd)); }
  template <class F>
  void wait(F function) {
    descriptor_.async_wait(net::posix::stream_descriptor::wait_read, std::move(function));
  }
  /// Calls the function that waits, with an error.
  void stop_waiting() {
    NetError ignored;
    descriptor_.cancel(ignored);
  }
  void close() {
    NetError ignored;
    descriptor_.close(ignored);
  }

 private:
  net::posix::stream_descriptor descriptor_;
};

/// A receive, reply or call whose end a handler is told of.
template <class T, class Result, class Handler>
class AsioReceive : public AsyncOperation {
 public:
  AsioReceive(Handler handler, const net::any_io_executor& executor, Kind kind_of_it, const ChannelId& on,
              RequestId request_id, Timeout timeout)
      : AsyncOperation(kind_of_it, on, incoming<T>(value_), {.timeout = timeout, .stop = {}}),
        completion_(std::move(handler), executor) {
    id = request_id;
  }
  AsioCompletion<Handler>& completion() noexcept { return completion_; }

  void finish() override {
    const std::unique_ptr<AsioReceive> ends_with_this(this);
    if constexpr (std::is_void_v<Result>) {
      completion_.call(std::move(error));
    } else {
      if (error == nullptr) return completion_.call(nullptr, *std::move(value_));
      completion_.call(std::move(error), no_result<Result>());
    }
  }

 private:
  std::optional<T> value_;
  AsioCompletion<Handler> completion_;
};

template <class C, class Handler>
class AsioCall final : public AsioReceive<reply_value_t<C>, reply_t<C>, Handler> {
 public:
  AsioCall(Handler handler, const net::any_io_executor& executor, C request_to_send, const ChannelId& on,
           Timeout timeout)
      : AsioReceive<reply_value_t<C>, reply_t<C>, Handler>(std::move(handler), executor, AsyncOperation::Kind::call, on,
                                                           RequestId{}, timeout),
        call_(std::move(request_to_send)) {
    this->request = outgoing(call_);
  }

 private:
  C call_;
};

/// Calls `call` with the last of some arguments, which is the completion token, and then with the others.
template <class Call, class... A>
decltype(auto) with_token_first(Call call, A&&... arguments_and_token) {
  auto all = std::forward_as_tuple(std::forward<A>(arguments_and_token)...);
  return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
    return call(std::get<sizeof...(I)>(std::move(all)), std::get<I>(std::move(all))...);
  }(std::make_index_sequence<sizeof...(A) - 1>());
}

struct TaskAccess {
  template <class R>
  static void when_ended(v0::Task<R>& task, std::function<void()> function) {
    task.job_.then(std::move(function));
  }
};

}  // namespace detail

/// Receives, replies and calls of one messenger as operations of Asio.
///
///     coproc::AsioMessenger messages(io.get_executor(), worker.messenger());
///     const Get get{"a"};
///     std::string value = co_await messages.async_call(get, 1s, asio::use_awaitable);
///
/// A handler takes a std::exception_ptr, which is null if nothing went wrong, and the result. It is called on its
/// associated executor, and otherwise on that of this object. What goes wrong is what coproc::AsyncMessenger throws; an
/// operation that is cancelled fails with CancelledError, and so do all when this object is destroyed. In every call
/// the channel (or id) comes before the time, and the token last.
///
/// The messenger may be used as always meanwhile. It must outlive this object, and must not be moved. If its worker is
/// started again, operations that begin afterwards are about the new link.
///
/// Thread safety: one thread at a time uses the messenger, this object and its executor: the executor is that of an
/// io_context with one thread, or a strand.
class AsioMessenger {
 public:
  AsioMessenger(detail::net::any_io_executor executor, Messenger& messenger)
      : state_(std::make_shared<State>(std::move(executor), messenger)) {}
  AsioMessenger(AsioMessenger&&) noexcept = default;
  AsioMessenger& operator=(AsioMessenger&&) = delete;
  ~AsioMessenger() {
    if (state_ != nullptr) state_->close();
  }

  detail::net::any_io_executor get_executor() const { return state_->executor; }
  /// How many operations wait.
  std::size_t waiting() const noexcept { return state_->handle.waiting(); }
  /// Cancels all operations that wait.
  std::size_t cancel() {
    const std::size_t count = state_->handle.cancel_all();
    state_->readable.stop_waiting();
    return count;
  }

  /// Receives a message of this channel: `handler(std::exception_ptr, T)`.
  template <class T = Message, class Token>
  auto async_receive(const ChannelId& channel, Timeout timeout, Token&& token) {
    detail::check_receivable<T>();
    return initiate<T, T>(detail::AsyncOperation::Kind::message, channel, RequestId{}, timeout, token);
  }
  template <class T = Message, class Token>
  auto async_receive(Timeout timeout, Token&& token) {
    return async_receive<T>(kDefaultChannel, timeout, std::forward<Token>(token));
  }
  template <class T = Message, class Token>
  auto async_receive(Token&& token) {
    return async_receive<T>(kDefaultChannel, kForever, std::forward<Token>(token));
  }

  /// Receives the reply to this request: `handler(std::exception_ptr, T)`.
  template <class T = Message, class Token>
  auto async_reply(RequestId id, Timeout timeout, Token&& token) {
    detail::check_receivable<T>();
    return initiate<T, T>(detail::AsyncOperation::Kind::reply, kDefaultChannel, id, timeout, token);
  }
  template <class T = Message, class Token>
  auto async_reply(RequestId id, Token&& token) {
    return async_reply<T>(id, kForever, std::forward<Token>(token));
  }

  /// Sends a call, once there is space for it, and receives its reply: `handler(std::exception_ptr, C::Reply)`, or
  /// `handler(std::exception_ptr)` if that is void.
  template <class C, class Token>
  auto async_call(C request, const ChannelId& channel, Timeout timeout, Token&& token) {
    check_call<C>();
    return detail::net::async_initiate<Token, detail::asio_signature_t<detail::reply_t<C>>>(
        [state = state_, channel, timeout]<class Handler>(Handler&& handler, C call) {
          using Operation = detail::AsioCall<C, std::decay_t<Handler>>;
          state->begin(std::make_unique<Operation>(std::forward<Handler>(handler), state->executor, std::move(call),
                                                   channel, timeout));
        },
        token, std::move(request));
  }
  template <class C, class Token>
  auto async_call(C request, Timeout timeout, Token&& token) {
    return async_call(std::move(request), kDefaultChannel, timeout, std::forward<Token>(token));
  }
  template <class C, class Token>
  auto async_call(C request, Token&& token) {
    return async_call(std::move(request), kDefaultChannel, kForever, std::forward<Token>(token));
  }

 private:
  struct State : std::enable_shared_from_this<State> {
    State(detail::net::any_io_executor its_executor, Messenger& messenger)
        : executor(std::move(its_executor)), handle(messenger), readable(executor) {}

    template <class Operation>
    void begin(std::unique_ptr<Operation> operation) {
      bool is_done = true;
      try {
        if (!readable.is_open()) readable.open(handle.native_handle());
        is_done = handle.begin(*operation);
      } catch (...) {
        operation->error = std::current_exception();
      }
      Operation* const begun = operation.release();  // finish() destroys it
      if (is_done) return begun->finish();
      begun->completion().on_cancel([weak = this->weak_from_this(), begun] {
        if (const auto state = weak.lock()) state->handle.cancel(*begun);
      });
      wait();
    }
    void close() {
      readable.close();
      handle.close();
    }
    void wait() {
      if (is_waiting || handle.waiting() == 0) return;
      is_waiting = true;
      readable.wait([weak = this->weak_from_this()](detail::NetError error) {
        const auto state = weak.lock();
        if (state == nullptr) return;
        state->is_waiting = false;
        if (!error) state->handle.poll();
        if (state->readable.is_open()) state->wait();
      });
    }

    detail::net::any_io_executor executor;
    detail::AsyncHandle handle;
    detail::AsioReadable readable;
    bool is_waiting = false;
  };

  template <class T, class Result, class Token>
  auto initiate(detail::AsyncOperation::Kind kind, const ChannelId& channel, RequestId id, Timeout timeout,
                Token& token) {
    return detail::net::async_initiate<Token, detail::asio_signature_t<Result>>(
        [state = state_, kind, channel, id, timeout]<class Handler>(Handler&& handler) {
          using Operation = detail::AsioReceive<T, Result, std::decay_t<Handler>>;
          state->begin(
              std::make_unique<Operation>(std::forward<Handler>(handler), state->executor, kind, channel, id, timeout));
        },
        token);
  }

  std::shared_ptr<State> state_;
};

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

namespace detail {

/// A start of a worker that Asio's loop drives.
template <class Handler>
struct AsioStart : std::enable_shared_from_this<AsioStart<Handler>> {
  AsioStart(Handler handler, const net::any_io_executor& executor, Worker& its_worker)
      : worker(its_worker), readable(executor), completion(std::move(handler), executor) {}

  void begin(const Starting& starting) {
    starting.then([self = this->shared_from_this()](std::exception_ptr error) { self->finish(std::move(error)); });
    if (is_over) return;
    completion.on_cancel([weak = this->weak_from_this()] {
      if (const auto self = weak.lock(); self != nullptr && !self->is_over) self->worker.cancel_start();
    });
    try {
      readable.open(worker.start_handle());
    } catch (...) {
      finish(std::current_exception());
      return worker.cancel_start();
    }
    wait();
  }
  void wait() {
    readable.wait([self = this->shared_from_this()](NetError error) {
      if (error || self->is_over) return;
      (void)self->worker.await_start(std::chrono::seconds(0));  // calls finish() at the end
      if (!self->is_over) self->wait();
    });
  }
  void finish(std::exception_ptr error) {
    if (std::exchange(is_over, true)) return;
    readable.close();
    completion.call(std::move(error));
  }

  Worker& worker;  // lives as long as `is_over` is false
  AsioReadable readable;
  AsioCompletion<Handler> completion;
  bool is_over = false;
};

}  // namespace detail

/// Asks for a start, as `start_async` with these arguments does, at once; the last argument is the completion token:
/// `handler(std::exception_ptr)`, which is called when the worker runs, or gets what went wrong. A start that is
/// cancelled, or whose worker is destroyed, fails with CancelledError.
///
///     co_await coproc::async_start(io.get_executor(), worker, path, config, asio::use_awaitable);
///
/// Thread safety: that of the worker, whose thread the executor's has to be.
template <class Target, class M, class... A>
auto async_start(detail::net::any_io_executor executor, WorkerResource<Target, M>& worker, A&&... arguments_and_token) {
  return detail::with_token_first(
      [&]<class Token, class... Each>(Token&& token, Each&&... each) {
        std::exception_ptr refusal;
        try {
          (void)worker.start_async(std::forward<Each>(each)...);
        } catch (...) {
          refusal = std::current_exception();
        }
        return detail::net::async_initiate<Token, void(std::exception_ptr)>(
            [executor, &worker, refusal]<class Handler>(Handler&& handler) {
              using Operation = detail::AsioStart<std::decay_t<Handler>>;
              const auto operation = std::make_shared<Operation>(std::forward<Handler>(handler), executor, worker);
              if (refusal != nullptr) return operation->finish(refusal);
              operation->begin(Starting(worker));
            },
            token);
      },
      std::forward<A>(arguments_and_token)...);
}

}  // namespace coproc::inline v0
