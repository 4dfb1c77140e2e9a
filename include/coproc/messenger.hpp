// One end of a link: sends and receives messages.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/channel_counts.hpp"
#include "coproc/codec.hpp"
#include "coproc/detail/incoming.hpp"
#include "coproc/detail/outgoing.hpp"
#include "coproc/error_payload.hpp"
#include "coproc/export.hpp"
#include "coproc/message.hpp"
#include "coproc/options.hpp"
#include "coproc/replies_view.hpp"
#include "coproc/shared_buffer.hpp"

namespace coproc::inline v0 {

namespace detail {
class Core;
}

/// One end of a link. Every send and receive may throw NotOwnerError (in a process that the user forked),
/// ConcurrentUseError, LinkClosedError's children (the peer is gone) and ProtocolError (the peer broke the link's rules).
/// Every receive may also throw the errors that the peer sent, and the peer's close request. What the system refuses (memory,
/// descriptors) is a SystemLimitError.
///
/// Sends return when the peer can see the message. A send that has to wait for space moves incoming messages to the inbox
/// meanwhile, so that two sides that only send never block each other. A send that throws has sent nothing and counts
/// nothing.
///
/// Thread safety: one thread at a time, sending and receiving together; `interrupt` and `close_requested` from any thread.
class COPROC_API Messenger {
 public:
  Messenger(Messenger&& other) noexcept;
  Messenger& operator=(Messenger&& other) noexcept;
  ~Messenger();

  // ---- sending ----

  /// Sends a value that expects no reply. Throws TimeoutError, MessageTooLargeError, QueueFullError, InterruptedError, and
  /// InvalidArgumentError for a NaN priority.
  template <class T>
  void send_norequest(const T& value, const ChannelId& channel = {}, const SendOptions& options = {}) {
    check_encodable<T>();
    if constexpr (Encodable<T>) send(detail::outgoing(value), channel, options);
  }

  /// Sends the value if there is space for it at this moment; false: there was none.
  template <class T>
  [[nodiscard]] bool try_send(const T& value, const ChannelId& channel = {}, std::optional<Priority> priority = {}) {
    check_encodable<T>();
    if constexpr (Encodable<T>) return try_send(detail::outgoing(value), channel, priority);
  }

  /// Sends a value that expects a reply, and counts it in `remaining(channel)` until the reply is received.
  template <class T>
  RequestId send_request(const T& value, const ChannelId& channel = {}, const SendOptions& options = {}) {
    check_encodable<T>();
    if constexpr (Encodable<T>) return send_request(detail::outgoing(value), channel, options);
  }

  /// One request for each element of a range, shown to the peer together. The time-out counts for each.
  template <class Range>
    requires requires(Range& range) { std::begin(range) != std::end(range); }
  std::vector<RequestId> send_request_multiple(Range&& values, const ChannelId& channel = {},
                                               const SendOptions& options = {}) {
    return send_each(values, channel, options);
  }
  template <class T>
  std::vector<RequestId> send_request_multiple(std::initializer_list<T> values, const ChannelId& channel = {},
                                               const SendOptions& options = {}) {
    return send_each(values, channel, options);
  }

  /// Answers the request of this channel that a receive returned longest ago and that is still unanswered. Without one the
  /// message is sent as a reply that nobody asked for.
  template <class T>
  void send_reply(const T& value, const ChannelId& channel = {}, const SendOptions& options = {}) {
    check_encodable<T>();
    if constexpr (Encodable<T>) send_reply(detail::outgoing(value), channel, options);
  }

  /// Answers this request. Throws NoRequestError if it is none, is answered, or came through an earlier link.
  template <class T>
  void reply_to(const Message& request, const T& value, const SendOptions& options = {}) {
    check_encodable<T>();
    if constexpr (Encodable<T>) reply_to(request, detail::outgoing(value), options);
  }

  /// Fails just this request: the receive of its reply throws the error. Throws NoRequestError as `reply_to`.
  template <ErrorPayload E>
  void reply_error_to(const Message& request, const E& error, const SendOptions& options = {}) {
    reply_error_to(request, detail::known_error<E>(), &error, options);
  }

  /// The peer's next receive throws this error. A system message: it belongs to no channel and settles no request.
  template <ErrorPayload E>
  void send_error(const E& error, const SendOptions& options = {}) {
    send_error(detail::known_error<E>(), &error, options);
  }

  /// Asks the peer to close: its next receive throws ResourceRequestedClose (at a host's end: WorkerRequestedClose). Needs
  /// no space, never blocks, and overtakes everything that is queued.
  void send_close_request(const SendOptions& options = {});

  /// Says, behind all that was sent, that nothing follows: the peer receives that, and then its receives throw EndOfMessages (at a
  /// host's end: EndOfWorkersMessages). From then on a send throws LinkClosedError here, but for close requests, and the exception
  /// that leaves a target; receives go on. Waits for space as a send does; a second time it does nothing.
  void send_end(const SendOptions& options = {});

  /// An array in memory that this link shares, to be filled and sent: its elements hold anything. Throws LoanError where there
  /// is no room, or the link has none; MessageTooLargeError.
  template <class T = std::byte>
  SharedBuffer<T> loan(std::size_t count) {
    return detail::LoanAccess::make<SharedBuffer<T>>(lend(count, sizeof(T)));
  }

  // ---- receiving ----

  /// Waits for a message of this channel and returns the best one.
  template <class T = Message>
  T receive_blocking(const ChannelId& channel = {}) {
    if constexpr (detail::kIsBulk<T>) {
      T value;
      receive(&channel, 1, detail::incoming<T>(value), kForever);
      return value;
    } else {
      return *std::move(receive<T>(&channel, 1, kForever));
    }
  }

  /// The same for at most this time; nullopt: nothing came.
  template <class T = Message>
  std::optional<T> receive_for(Timeout timeout, const ChannelId& channel = {}) {
    return receive<T>(&channel, 1, timeout);
  }

  template <class T = Message, class Clock, class Duration>
  std::optional<T> receive_until(std::chrono::time_point<Clock, Duration> time, const ChannelId& channel = {}) {
    return receive<T>(&channel, 1, Timeout(time - Clock::now()));
  }

  /// All messages of this channel that have come, best first; empty: none. All or, when it throws, none. Does not wait.
  template <class T = Message>
  std::vector<T> receive_available(const ChannelId& channel = {}) {
    detail::check_receivable<T>();
    std::vector<T> all;
    receive_all(channel, detail::incoming<T>(all));
    return all;
  }

  /// Waits for the reply to this request, whatever else comes. Throws TimeoutError, and NoRequestError if the id is not of
  /// an outstanding request.
  template <class T = Message>
  T receive_reply(RequestId id, Timeout timeout = kForever) {
    detail::check_receivable<T>();
    std::optional<T> value;
    receive_reply(id, detail::incoming<T>(value), timeout);
    return *std::move(value);
  }

  /// The replies of this channel as they come, until every request is answered; other messages stay queued. `each`: how
  /// long to wait for each, then TimeoutError. Errors and death are thrown inside the loop, after the replies that came
  /// before; a new loop continues.
  template <class T = Message>
  RepliesView<T> receive_remaining(const ChannelId& channel = {}, Timeout each = kForever) {
    detail::check_receivable<T>();
    return RepliesView<T>(*this, channel, each);
  }

  /// The best message of several channels; nullopt: nothing came in time.
  std::optional<Message> receive_any(std::initializer_list<ChannelId> channels, Timeout timeout = kForever) {
    return receive<Message>(channels.begin(), channels.size(), timeout);
  }
  std::optional<Message> receive_any(std::span<const ChannelId> channels, Timeout timeout = kForever) {
    return receive<Message>(channels.data(), channels.size(), timeout);
  }

  /// Puts a message back that was received here and cannot be used now, as if it had not been received: it is returned
  /// before all others of its channel and priority, and is no longer counted as received or as replied to. Put several back
  /// in the reverse order of their receives. Throws InvalidArgumentError for a message of another link, and NoRequestError
  /// for a request that has been answered; then the message is as it was.
  void put_back(Message&& message);

  // ---- looking ----

  /// How many messages of this channel could be received now. Looks what has come, without waiting. Throws what a receive would
  /// throw; where there is none, also what the peer's end means, until a receive or a send has thrown that.
  std::size_t available(const ChannelId& channel = {});
  /// How many of them have been moved to this end's inbox already. Looks for no others, and throws nothing.
  std::size_t queued(const ChannelId& channel = {}) const noexcept;
  /// How many requests of this channel are not answered yet (that is, whose replies were not received yet).
  std::size_t remaining(const ChannelId& channel = {}) const noexcept;
  ChannelCounts counts(const ChannelId& channel = {}) const noexcept;

  /// As `coproc::accept_errors`: for all of the process.
  template <ErrorPayload... E>
  void accept_errors() {
    coproc::accept_errors<E...>();
  }

  /// Any thread: whether the peer has asked this end to close. Looks at nothing else.
  bool close_requested() const noexcept;
  /// Any thread: whether the peer's `send_end` has been met by a call on this end. Looks at nothing else.
  bool end_received() const noexcept;
  /// Any thread: the wait that is under way, or else the next one, throws InterruptedError.
  void interrupt() noexcept;

  /// A descriptor for poll, epoll or Asio: readable exactly while something can be received or the peer is gone. It stays
  /// this object's.
  int native_handle();

 protected:
  Messenger() noexcept;
  explicit Messenger(std::unique_ptr<detail::Core> core) noexcept;

 private:
  friend class Worker;
  friend struct detail::MessengerAccess;
  template <class T>
  friend class RepliesView;
  friend COPROC_API std::size_t wait_any(std::span<Messenger* const> messengers, Timeout timeout);

  class Batch {
   public:
    explicit Batch(Messenger& messenger) : messenger_(messenger) { messenger_.begin_batch(); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch() { messenger_.end_batch(); }

   private:
    Messenger& messenger_;
  };

  template <class Range>
  std::vector<RequestId> send_each(Range& values, const ChannelId& channel, const SendOptions& options) {
    std::vector<RequestId> ids;
    const Batch batch(*this);
    for (const auto& value : values) ids.push_back(send_request(value, channel, options));
    return ids;
  }

  template <class T>
  std::optional<T> receive(const ChannelId* channels, std::size_t count, Timeout timeout) {
    detail::check_receivable<T>();
    std::optional<T> value;
    receive(channels, count, detail::incoming<T>(value), timeout);
    return value;
  }

  void send(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options);
  bool try_send(const detail::Outgoing& value, const ChannelId& channel, std::optional<Priority> priority);
  RequestId send_request(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options);
  void send_reply(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options);
  void reply_to(const Message& request, const detail::Outgoing& value, const SendOptions& options);
  void reply_error_to(const Message& request, const detail::ErrorType& type, const void* error,
                      const SendOptions& options);
  void send_error(const detail::ErrorType& type, const void* error, const SendOptions& options);
  detail::LoanHandle lend(std::size_t count, std::size_t size);
  void begin_batch();
  void end_batch() noexcept;
  bool receive(const ChannelId* channels, std::size_t count, const detail::Incoming& to, Timeout timeout);
  void receive_all(const ChannelId& channel, const detail::Incoming& to);
  void receive_reply(RequestId id, const detail::Incoming& to, Timeout timeout);
  bool receive_next_reply(const ChannelId& channel, const detail::Incoming& to, Timeout timeout);
  detail::Core& core() const {
    if (core_ == nullptr) throw_no_link();
    return *core_;
  }
  [[noreturn]] static void throw_no_link();

  std::unique_ptr<detail::Core> core_;
};

/// A messenger that returns messages in the order of their priority: lower first, equal ones in the order of their sends.
class COPROC_API PriorityMessenger : public Messenger {
 public:
  /// Two ends joined by a link of their own: for two threads, or, given as start arguments, for workers.
  static std::pair<PriorityMessenger, PriorityMessenger> new_pair(const LinkOptions& options = {});

 private:
  friend class Worker;
  friend struct detail::MessengerAccess;
  PriorityMessenger() noexcept = default;
  using Messenger::Messenger;
};

/// A messenger that returns messages in the order of their sends; it carries priorities but does not reorder.
class COPROC_API MultiMessenger : public Messenger {
 public:
  static std::pair<MultiMessenger, MultiMessenger> new_pair(const LinkOptions& options = {});

 private:
  friend class Worker;
  friend struct detail::MessengerAccess;
  MultiMessenger() noexcept = default;
  using Messenger::Messenger;
};

/// Waits until one of the messengers has something to receive or to throw (a message, an error, a close request, the
/// peer's end) and returns its index; the number of messengers if the time is over.
COPROC_API std::size_t wait_any(std::span<Messenger* const> messengers, Timeout timeout = kForever);

template <class T>
bool RepliesView<T>::fetch() {
  value_.reset();
  return messenger_->receive_next_reply(channel_, detail::incoming<T>(value_), each_);
}
template <class T>
bool RepliesView<T>::is_finished() const {
  return messenger_->remaining(channel_) == 0;
}

}  // namespace coproc::inline v0
