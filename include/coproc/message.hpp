// A received message whose type is not known yet.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/codec.hpp"
#include "coproc/detail/buffer.hpp"
#include "coproc/errors.hpp"
#include "coproc/export.hpp"
#include "coproc/priority.hpp"
#include "coproc/request_id.hpp"
#include "coproc/type_info.hpp"

namespace coproc::inline v0 {

namespace detail {

/// A type as the peer declared it. Every message that was received with this type shares it.
struct RemoteType {
  std::uint64_t id = 0;
  std::string description;
};

/// What a messenger puts into a message.
struct MessageParts {
  ChannelId channel;
  Priority priority;
  std::shared_ptr<const RemoteType> type;
  std::uint64_t request_id = 0;  // 0: neither request nor reply
  bool is_reply = false;
  std::uint64_t run = 0;  // identifies the link that it came through
  std::size_t max_allocation = 0;
  Buffer payload;
  std::vector<std::shared_ptr<LoanHold>> loans;
  std::exception_ptr error;
};
struct MessageAccess;

/// The parameter type of a function, lambda or callable object with one signature.
template <class F>
struct HandlerArgument : HandlerArgument<decltype(&std::remove_cvref_t<F>::operator())> {};
template <class R, class A>
struct HandlerArgument<R (*)(A)> {
  using type = A;
};
template <class R, class A>
struct HandlerArgument<R (&)(A)> {
  using type = A;
};
template <class R, class A>
struct HandlerArgument<R(A)> {
  using type = A;
};
template <class R, class C, class A>
struct HandlerArgument<R (C::*)(A)> {
  using type = A;
};
template <class R, class C, class A>
struct HandlerArgument<R (C::*)(A) const> {
  using type = A;
};
template <class R, class C, class A>
struct HandlerArgument<R (C::*)(A) noexcept> {
  using type = A;
};
template <class R, class C, class A>
struct HandlerArgument<R (C::*)(A) const noexcept> {
  using type = A;
};
template <class F>
using handler_argument_t = typename HandlerArgument<std::remove_reference_t<F>>::type;

template <class... R>
struct MatchResult {
  using type = std::common_type_t<R...>;
};
template <class... R>
  requires(std::is_void_v<R> || ...)
struct MatchResult<R...> {
  using type = void;
};

}  // namespace detail

template <class... F>
using match_result_t = typename detail::MatchResult<std::invoke_result_t<F, detail::handler_argument_t<F>>...>::type;

/// A received message. It owns its bytes, and the memory that was lent with them, and may outlive its messenger and
/// worker. Move-only.
///
/// Thread safety: a value.
class Message {
 public:
  /// Returns the value. May be called again; then the SharedBuffers of all results share their memory. Throws
  /// TypeMismatchError if the message is of another type, DecodeError if its bytes do not make a value, and the error
  /// itself if the reply is an error.
  template <class T>
  T get() const {
    check_encodable<T>();
    if (parts_.error) std::rethrow_exception(parts_.error);
    if (!holds<T>()) throw_mismatch(type_info<T>);
    Decoder decoder(parts_.payload.span(), parts_.max_allocation);
    decoder.borrow(parts_.loans);
    T value = coproc::decode<T>(decoder);
    decoder.finish();
    return value;
  }

  /// Whether the message is of type T and no error.
  template <class T>
  bool holds() const noexcept {
    return !parts_.error && parts_.type && parts_.type->id == type_info<T>.id;
  }

  /// Calls the first function whose parameter is of the type of this message; a parameter `const Message&` takes any
  /// message. The result is of the common type of the functions' results. Throws MessageNotRecognizedError if no
  /// function takes the message.
  template <class... F>
  match_result_t<F...> match(F&&... handlers) const {
    return match_next<match_result_t<F...>>(handlers...);
  }

  const ChannelId& channel() const noexcept { return parts_.channel; }
  /// The double that is closest to the sender's number. It is minus infinity if the sender gave none.
  double priority() const noexcept { return parts_.priority.value(); }
  /// The name of the type in the sender's program. It is for texts that people read, and not for comparisons.
  std::string_view type_name() const noexcept {
    return parts_.type ? std::string_view(parts_.type->description) : "error";
  }
  /// The id, if this is a request or a reply.
  std::optional<RequestId> request_id() const noexcept {
    return parts_.request_id != 0 ? std::optional(RequestId{parts_.request_id}) : std::nullopt;
  }
  bool is_reply() const noexcept { return parts_.is_reply; }
  /// The error, if the message was sent by `reply_error_to`; otherwise null.
  std::exception_ptr error() const noexcept { return parts_.error; }
  /// A number that identifies the link through which the message came.
  std::uint64_t run() const noexcept { return parts_.run; }

 private:
  friend struct detail::MessageAccess;
  Message() noexcept = default;

  template <class R, class First, class... Rest>
  R match_next(First& first, Rest&... rest) const {
    using Argument = std::remove_cvref_t<detail::handler_argument_t<First>>;
    if constexpr (std::same_as<Argument, Message>) {
      return static_cast<R>(first(*this));
    } else {
      if (holds<Argument>()) return static_cast<R>(first(get<Argument>()));
      return match_next<R>(rest...);
    }
  }
  template <class R>
  R match_next() const {
    throw_not_recognized();
  }
  [[noreturn]] COPROC_API void throw_mismatch(const TypeInfo& wanted) const;
  [[noreturn]] COPROC_API void throw_not_recognized() const;

  detail::MessageParts parts_;
};

}  // namespace coproc::inline v0
