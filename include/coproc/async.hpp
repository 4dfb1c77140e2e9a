// Coroutines that await what a messenger receives, without a library for coroutines and without a further thread.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "coproc/call_payload.hpp"
#include "coproc/channel.hpp"
#include "coproc/detail/async.hpp"
#include "coproc/detail/incoming.hpp"
#include "coproc/detail/outgoing.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/request_id.hpp"
#include "coproc/stream.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

namespace detail {

/// What `co_await` takes: an operation that lives in the coroutine that waits for it.
template <class T>
class Awaited : public AsyncOperation {
 public:
  Awaited(const AsyncHandle& handle, Kind kind_of_it, const ChannelId& on, RequestId request_id,
          const AsyncOptions& options)
      : AsyncOperation(kind_of_it, on, incoming<T>(value_), options), handle_(handle) {
    id = request_id;
  }
  bool await_ready() { return handle_.begin(*this); }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { coroutine_ = coroutine; }
  T await_resume() {
    if (error != nullptr) std::rethrow_exception(error);
    return *std::move(value_);
  }

 private:
  void finish() override { coroutine_.resume(); }

  const AsyncHandle& handle_;
  std::optional<T> value_;
  std::coroutine_handle<> coroutine_;
};

template <class C>
class AwaitedCall final : public Awaited<reply_value_t<C>> {
  using Base = Awaited<reply_value_t<C>>;

 public:
  AwaitedCall(const AsyncHandle& handle, const C& call, const ChannelId& on, const AsyncOptions& options)
      : Base(handle, AsyncOperation::Kind::call, on, RequestId{}, options), call_(call) {
    this->request = outgoing(call_);
  }
  reply_t<C> await_resume() {
    if constexpr (std::is_void_v<reply_t<C>>) {
      Base::await_resume();
    } else {
      return Base::await_resume();
    }
  }

 private:
  C call_;
};

template <class T>
class AwaitedPart final : public AsyncOperation {
 public:
  AwaitedPart(const AsyncHandle& handle, StreamHandle& stream, std::optional<T> fetched, const AsyncOptions& options)
      : AsyncOperation(Kind::part, kDefaultChannel, incoming<T>(part_), options),
        handle_(handle),
        stream_(stream),
        part_(std::move(fetched)) {
    id = RequestId{stream.id()};
  }
  bool await_ready() { return part_ || stream_.is_over() || handle_.begin(*this); }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { coroutine_ = coroutine; }
  std::optional<T> await_resume() {
    if (is_over) stream_.note_over();
    if (error != nullptr) std::rethrow_exception(error);
    return std::move(part_);
  }

 private:
  void finish() override { coroutine_.resume(); }

  const AsyncHandle& handle_;
  StreamHandle& stream_;
  std::optional<T> part_;
  std::coroutine_handle<> coroutine_;
};

}  // namespace detail

/// Lets coroutines, of any library or of none, await messages, replies and calls of one messenger.
///
///     coproc::AsyncMessenger messages(worker.messenger());
///     const Get get{"a"};
///     std::string value = co_await messages.call(get, {.timeout = 1s});
///
/// No thread waits for them. Whoever drives resumes them: a thread that calls `wait`, or an event loop that calls
/// `poll` when `native_handle` is readable. A coroutine goes on inside of that call, and may use the messenger, begin
/// the next operation, and destroy this object. An exception that leaves it leaves that call, too.
///
/// An operation throws what the blocking call of the same name throws. The end of the peer and a close request are
/// thrown to all that wait; an error that the peer sent (`send_error`) to the one that has waited longest. TimeoutError
/// is thrown if the time is over, and CancelledError if a stop was requested, `cancel` was called, or this object was
/// destroyed. A coroutine that is destroyed while it waits waits for nothing any more. The reply to a call that has
/// failed is dropped when it comes.
///
/// A reply goes to the operation that waits for it. As with a blocking receive, `receive` gets all others.
///
/// The messenger may be used as always meanwhile; only its own native handle must not be watched, and
/// `Messenger::interrupt` makes no operation throw. It must outlive this object, and must not be moved. If its worker
/// is started again, call `poll` once.
///
/// If the worker is a Supervised, whoever drives also looks after it, as a call that waits does, and starts another one
/// when that is due. `poll` waits for the start, and not for a backoff: `native_handle` becomes readable after that.
///
/// Thread safety: that of the messenger. Any thread may request a stop.
class AsyncMessenger {
 public:
  explicit AsyncMessenger(Messenger& messenger) : handle_(messenger) {}

  /// Awaits a message of this channel, like `Messenger::receive_for`.
  template <class T = Message>
  [[nodiscard]] auto receive(const ChannelId& channel = kDefaultChannel, const AsyncOptions& options = {}) const {
    detail::check_receivable<T>();
    return detail::Awaited<T>(handle_, detail::AsyncOperation::Kind::message, channel, RequestId{}, options);
  }
  template <class T = Message>
  [[nodiscard]] auto receive(const AsyncOptions& options) const {
    return receive<T>(kDefaultChannel, options);
  }
  /// Awaits the reply to this request, like `Messenger::receive_reply`.
  template <class T = Message>
  [[nodiscard]] auto receive_reply(RequestId id, const AsyncOptions& options = {}) const {
    detail::check_receivable<T>();
    return detail::Awaited<T>(handle_, detail::AsyncOperation::Kind::reply, kDefaultChannel, id, options);
  }
  /// Sends a call and awaits its reply, like `Messenger::call`. If there is no space for the call, it is sent when
  /// there is.
  template <class C>
  [[nodiscard]] auto call(const C& request, const ChannelId& channel, const AsyncOptions& options = {}) const {
    check_call<C>();
    return detail::AwaitedCall<C>(handle_, request, channel, options);
  }
  template <class C>
  [[nodiscard]] auto call(const C& request, const AsyncOptions& options = {}) const {
    return call(request, kDefaultChannel, options);
  }

  /// Awaits the next part of a stream of this messenger, like `Stream::next`: nullopt stands for its end. The stream
  /// must stay where it is meanwhile. A wait that is given up loses no part.
  template <class T>
  [[nodiscard]] auto next(Stream<T>& stream, const AsyncOptions& options = {}) const {
    return detail::AwaitedPart<T>(handle_, stream.handle_, std::exchange(stream.part_, std::nullopt), options);
  }

  /// How many operations wait.
  std::size_t waiting() const noexcept { return handle_.waiting(); }
  /// Makes all operations that wait throw CancelledError, and resumes their coroutines. Returns how many.
  std::size_t cancel() { return handle_.cancel_all(); }

  /// A descriptor for event loops: readable when `poll` has something to do, also because a time is over. It stays the
  /// same as long as this object lives, which keeps owning it. Throws SystemLimitError.
  int native_handle() { return handle_.native_handle(); }
  /// Resumes what can go on now, without waiting. Returns how many operations were done.
  std::size_t poll() { return handle_.poll(); }
  /// Waits like a receive (it spins first, and then sleeps) until an operation is done, at most for this time, and
  /// resumes what can go on. Returns whether there was anything; false at once if nothing waits.
  bool wait(Timeout timeout = kForever) { return handle_.wait(timeout); }

 private:
  detail::AsyncHandle handle_;
};

}  // namespace coproc::inline v0
