// The messages of one worker as operations of Asio: a part of asio.hpp, which says what they take.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "coproc/async.hpp"
#include "coproc/call_payload.hpp"
#include "coproc/channel.hpp"
#include "coproc/detail/asio.hpp"
#include "coproc/detail/async.hpp"
#include "coproc/messenger.hpp"
#include "coproc/request_id.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

namespace detail {

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
/// started again, operations that begin afterwards are about the new link. A Supervised worker is started again while
/// an operation waits, which blocks the executor for the time of a start: see AsyncMessenger.
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

}  // namespace coproc::inline v0
