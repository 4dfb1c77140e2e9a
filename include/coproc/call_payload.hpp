// The types of calls: payloads that name the type of their reply.
#pragma once

#include <type_traits>
#include <variant>

#include "coproc/codec.hpp"

namespace coproc::inline v0 {

namespace detail {

template <class C>
concept NamesReply = requires { typename C::Reply; };

template <class C>
struct ReplyOf {
  using type = void;
};
template <NamesReply C>
struct ReplyOf<C> {
  using type = typename C::Reply;
};
template <class C>
using reply_t = typename ReplyOf<C>::type;

/// What travels as the reply of a call: an empty value for `void`.
template <class C>
using reply_value_t = std::conditional_t<std::is_void_v<reply_t<C>>, std::monostate, reply_t<C>>;

}  // namespace detail

/// A type of `Messenger::call` and `coproc::serve`: it can be sent, and so can the type `Reply` that it names, if that
/// is not void.
///
///     struct Get {
///       using Reply = std::string;
///       std::string key;
///     };
template <class C>
concept CallPayload = Encodable<C> && detail::NamesReply<C> && Encodable<detail::reply_value_t<C>>;

/// Does not compile, with one line that says why, if C is no CallPayload.
template <class C>
constexpr void check_call() {
  check_encodable<C>();
  static_assert(detail::NamesReply<C>,
                "coproc: a type that is sent by call() names the type of its reply: write `using Reply = ...;` into it "
                "(void for an empty one), or use send_request() and receive_reply()");
  check_encodable<detail::reply_value_t<C>>();
}

}  // namespace coproc::inline v0
