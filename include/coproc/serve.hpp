// The loop of a program's end that answers calls.
#pragma once

#include <concepts>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "coproc/call_payload.hpp"
#include "coproc/channel.hpp"
#include "coproc/codec.hpp"
#include "coproc/export.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "coproc/stream.hpp"

namespace coproc::inline v0 {

/// The answer of a function of `serve` that answers in parts.
///
/// Thread safety: that of the messenger.
template <class T>
class ReplyStream {
 public:
  ReplyStream(Messenger& messenger, const Message& request) noexcept : messenger_(messenger), request_(request) {}
  ReplyStream(const ReplyStream&) = delete;
  ReplyStream& operator=(const ReplyStream&) = delete;

  /// Sends a part, like `Messenger::reply_part_to`.
  void send(const T& part, const SendOptions& options = kDefaultSendOptions) {
    messenger_.reply_part_to(request_, part, options);
  }
  /// The same, like `Messenger::try_reply_part_to`.
  [[nodiscard]] bool try_send(const T& part) { return messenger_.try_reply_part_to(request_, part); }

 private:
  Messenger& messenger_;
  const Message& request_;
};

namespace detail {

/// The types of a function that answers in parts: it takes the request and a ReplyStream.
template <class Signature>
struct StreamSignature : std::false_type {};
template <class R, class A, class P>
struct StreamSignature<std::function<R(A, ReplyStream<P>&)>> : std::true_type {
  using Request = std::remove_cvref_t<A>;
  using Part = P;
};
template <class F>
struct StreamFunction : std::false_type {};
template <class F>
  requires requires(F& function) { std::function(function); }
struct StreamFunction<F> : StreamSignature<decltype(std::function(std::declval<F&>()))> {};
template <class F>
using stream_function = StreamFunction<std::remove_reference_t<F>>;

/// Ends the answer, unless the reader has given it up.
COPROC_API void end_served_stream(Messenger& messenger, const Message& request);

template <class F>
using served_t = std::remove_cvref_t<handler_argument_t<F>>;

/// Whether the function takes a call and returns its reply, or takes another payload and returns nothing.
template <class F>
constexpr bool returns_reply() {
  using T = served_t<F>;
  using Result = std::invoke_result_t<F&, T>;
  if constexpr (NamesReply<T> && !std::is_void_v<reply_t<T>>) {
    return std::convertible_to<Result, reply_t<T>>;
  } else {
    return std::is_void_v<Result>;
  }
}

/// Whether serve() takes the function.
template <class F>
constexpr bool is_served() {
  if constexpr (stream_function<F>::value) {
    using Request = typename stream_function<F>::Request;
    if constexpr (StreamPayload<Request>) {
      return std::is_same_v<typename Request::Part, typename stream_function<F>::Part>;
    } else {
      return false;
    }
  } else {
    return returns_reply<F>();
  }
}

template <class F>
constexpr void check_serves() {
  if constexpr (stream_function<F>::value) {
    static_assert(is_served<F>(),
                  "coproc: a function that is given to serve() and takes a ReplyStream<P> takes a request that can be "
                  "sent and names P: write `using Part = P;` into its type, and send it by stream()");
  } else if constexpr (NamesReply<served_t<F>>) {
    using T = served_t<F>;
    check_call<T>();
    static_assert(returns_reply<F>(),
                  "coproc: a function that is given to serve() returns the Reply that the type of its parameter names");
  } else {
    check_encodable<served_t<F>>();
    static_assert(returns_reply<F>(),
                  "coproc: a function that is given to serve() returns nothing if the type of its parameter names no "
                  "Reply: write `using Reply = ...;` into that type, and send it by call()");
  }
}

/// Calls the function if it serves this message, and answers by its result. Returns whether it did.
template <class F>
  requires(!stream_function<F>::value)
bool serve_by(Messenger& messenger, const Message& message, F& function) {
  using T = served_t<F>;
  const bool is_request = message.request_id().has_value() && !message.is_reply();
  if (!message.holds<T>() || (is_request && !NamesReply<T>)) return false;
  if constexpr (NamesReply<T>) {
    if constexpr (std::is_void_v<reply_t<T>>) {
      function(message.get<T>());
      if (is_request) messenger.reply_to(message, reply_value_t<T>());
    } else {
      const reply_t<T> reply = function(message.get<T>());
      if (is_request) messenger.reply_to(message, reply);
    }
  } else {
    function(message.get<T>());
  }
  return true;
}

/// The same for a function that answers in parts.
template <class F>
  requires(stream_function<F>::value)
bool serve_by(Messenger& messenger, const Message& message, F& function) {
  using T = typename stream_function<F>::Request;
  if (!message.holds<T>() || !message.request_id() || message.is_reply()) return false;
  ReplyStream<typename stream_function<F>::Part> parts(messenger, message);
  function(message.get<T>(), parts);
  end_served_stream(messenger, message);
  return true;
}

/// The loop of serve(). `serve_one`: serve_by() for all of `functions`.
COPROC_API void serve_messages(Messenger& messenger, const ChannelId& channel,
                               bool (*serve_one)(Messenger&, const Message&, void* functions), void* functions);

template <class... F>
void serve_all(Messenger& messenger, const ChannelId& channel, F&... functions) {
  (check_serves<F>(), ...);
  if constexpr ((is_served<F>() && ...)) {
    std::tuple<F&...> all(functions...);
    serve_messages(
        messenger, channel,
        [](Messenger& to, const Message& message, void* each) {
          return std::apply([&](F&... function) { return (serve_by(to, message, function) || ...); },
                            *static_cast<std::tuple<F&...>*>(each));
        },
        &all);
  }
}

}  // namespace detail

/// Receives the messages of a channel (the default one, if none is given) and calls for each the function that takes
/// its type. The result answers the message, if that is a request (`Messenger::call`, `send_request`). An exception of
/// the function is the answer, too; if the message expects none, it leaves serve(). Each function takes one parameter:
/// a CallPayload, whose Reply it returns, or any other payload, for which it returns nothing. Or it takes a
/// StreamPayload and a `ReplyStream<Part>&`, by which it answers a `Messenger::stream`; the stream ends when the
/// function has returned. If the reader gives the stream up, the StreamCancelledError of a send may leave the function.
///
///     coproc::serve(host, [&](const Get& get) -> std::string { return values.at(get.key); },
///                         [&](const Put& put) { values[put.key] = put.value; },
///                         [&](const Find& find, coproc::ReplyStream<Row>& rows) { rows.send(first_row); });
///
/// Blocks, and returns when the peer has asked this end to close, or has sent everything (`send_end`) and all of it is
/// served. A request of any other type is answered by a MessageNotRecognizedError; any other message throws it, like
/// the errors of a receive.
template <class... F>
void serve(Messenger& messenger, const ChannelId& channel, F&&... functions) {
  detail::serve_all(messenger, channel, functions...);
}
template <class First, class... F>
  requires(!std::convertible_to<First, ChannelId>)
void serve(Messenger& messenger, First&& first, F&&... functions) {
  detail::serve_all(messenger, kDefaultChannel, first, functions...);
}

}  // namespace coproc::inline v0
