// The templates of Messenger that do more than pass their arguments on.
//
// They are `inline` as they would be inside of the class, since compilers inline such functions more readily.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/detail/incoming.hpp"
#include "coproc/detail/message_access.hpp"
#include "coproc/detail/outgoing.hpp"
#include "coproc/messenger.hpp"

namespace coproc::inline v0 {

/// What is sent while it lives is published at its end.
class Messenger::Batch {
 public:
  explicit Batch(Messenger& messenger) : messenger_(messenger) { messenger_.begin_batch(); }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() { messenger_.end_batch(); }

 private:
  Messenger& messenger_;
};

template <class Range>
inline std::vector<RequestId> Messenger::send_each(Range& values, const ChannelId& channel,
                                                   const SendOptions& options) {
  std::vector<RequestId> ids;
  constexpr bool kHasSize = requires { std::size(values); };
  if constexpr (kHasSize) ids.reserve(std::size(values));
  const Batch batch(*this);
  using Iterator = decltype(std::begin(values));
  if constexpr (kHasSize && std::contiguous_iterator<Iterator>) {
    using T = std::iter_value_t<Iterator>;
    check_encodable<T>();
    if constexpr (Encodable<T> && !detail::HasPriority<T>) {
      send_requests({std::to_address(std::begin(values)), &detail::kOutgoingTraits<T>, std::nullopt}, sizeof(T),
                    std::size(values), ids, channel, options);
      return ids;
    }
  }
  for (const auto& value : values) ids.push_back(send_request(value, channel, options));
  return ids;
}

template <class T>
inline T Messenger::receive_blocking(const ChannelId& channel) {
  if constexpr (std::is_same_v<T, Message>) {
    Message message = detail::MessageAccess::make();
    receive(&channel, 1, detail::incoming<Message>(message), kForever);
    return message;
  } else if constexpr (detail::kIsBulk<T>) {
    T value;
    receive(&channel, 1, detail::incoming<T>(value), kForever);
    return value;
  } else {
    return *std::move(receive<T>(&channel, 1, kForever));
  }
}

template <class T>
inline std::optional<T> Messenger::receive(const ChannelId* channels, std::size_t count, Timeout timeout) {
  detail::check_receivable<T>();
  std::optional<T> value;
  receive(channels, count, detail::incoming<T>(value), timeout);
  return value;
}

template <class T>
inline std::vector<T> Messenger::receive_available(const ChannelId& channel) {
  detail::check_receivable<T>();
  std::vector<T> all;
  receive_all(channel, detail::incoming<T>(all));
  return all;
}

template <class T>
inline T Messenger::receive_reply(RequestId id, Timeout timeout) {
  detail::check_receivable<T>();
  std::optional<T> value;
  receive_reply(id, detail::incoming<T>(value), timeout);
  return *std::move(value);
}

template <class T>
inline bool RepliesView<T>::fetch() {
  if (value_) return true;
  if (messenger_->remaining(channel_) == 0) return false;
  if (messenger_->receive_next_reply(channel_, detail::incoming<T>(value_), each_)) return true;
  throw TimeoutError("no reply on channel " + channel_.describe() + " came within the time given");
}

template <class C>
inline detail::reply_t<C> Messenger::call(const C& request, const ChannelId& channel, Timeout timeout) {
  check_call<C>();
  if constexpr (CallPayload<C>) {
    std::optional<detail::reply_value_t<C>> reply;
    call(detail::outgoing(request), channel, detail::incoming<detail::reply_value_t<C>>(reply), timeout);
    if constexpr (!std::is_void_v<detail::reply_t<C>>) return *std::move(reply);
  }
}

template <class Part, class T>
inline Stream<Part> Messenger::stream(const T& request, const ChannelId& channel, const StreamOptions& options) {
  check_encodable<T>();
  detail::check_receivable<Part>();
  if constexpr (detail::NamesPart<T> && !std::is_same_v<Part, Message>)
    static_assert(std::is_same_v<Part, typename T::Part>, "coproc: the type of the request names another Part");
  return Stream<Part>(begin_stream(detail::outgoing(request), channel, options), options.each);
}

}  // namespace coproc::inline v0
