// The loop of a program's end that answers calls.
#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>
#include <utility>

#include "coproc/call_payload.hpp"
#include "coproc/channel.hpp"
#include "coproc/codec.hpp"
#include "coproc/export.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"

namespace coproc::inline v0 {

namespace detail {

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

template <class F>
constexpr void check_serves() {
  using T = served_t<F>;
  if constexpr (NamesReply<T>) {
    check_call<T>();
    static_assert(returns_reply<F>(),
                  "coproc: a function that is given to serve() returns the Reply that the type of its parameter names");
  } else {
    check_encodable<T>();
    static_assert(returns_reply<F>(),
                  "coproc: a function that is given to serve() returns nothing if the type of its parameter names no "
                  "Reply: write `using Reply = ...;` into that type, and send it by call()");
  }
}

/// Calls the function if it serves this message, and answers by its result. Returns whether it did.
template <class F>
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

/// The loop of serve(). `serve_one`: serve_by() for all of `functions`.
COPROC_API void serve_messages(Messenger& messenger, const ChannelId& channel,
                               bool (*serve_one)(Messenger&, const Message&, void* functions), void* functions);

template <class... F>
void serve_all(Messenger& messenger, const ChannelId& channel, F&... functions) {
  (check_serves<F>(), ...);
  if constexpr ((returns_reply<F>() && ...)) {
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
/// a CallPayload, whose Reply it returns, or any other payload, for which it returns nothing.
///
///     coproc::serve(host, [&](const Get& get) -> std::string { return values.at(get.key); },
///                         [&](const Put& put) { values[put.key] = put.value; });
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
