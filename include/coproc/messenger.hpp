// One end of a link: sends and receives messages.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/call_payload.hpp"
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
#include "coproc/stream.hpp"

namespace coproc::inline v0 {

namespace detail {
class Core;
struct MessengerAccess;
}  // namespace detail

/// One end of a link. Every send and receive may throw NotOwnerError (in a process that the program forked),
/// ConcurrentUseError, the classes derived from LinkClosedError (the peer is gone), ProtocolError (the peer broke the
/// rules of the link), and SystemLimitError (the system refuses memory or descriptors). Every receive may also throw an
/// error that the peer sent, and the peer's close request.
///
/// A send returns when the peer can see the message. While a send waits for space it moves incoming messages to the
/// inbox, so that two sides that only send never block each other. A send that throws has sent nothing and changed no
/// count.
///
/// In every call the channel (or id) comes before the time. When the time is over, a call that returns an optional
/// returns nullopt; any other call throws TimeoutError.
///
/// Thread safety: one thread at a time may use a messenger, for sends and receives alike. `interrupt`,
/// `close_requested` and `end_received` may be called from any thread.
class COPROC_API Messenger {
 public:
  Messenger(Messenger&& other) noexcept;
  Messenger& operator=(Messenger&& other) noexcept;
  ~Messenger();

  // ---- sending ----

  /// Sends a value that expects no reply. Throws TimeoutError, MessageTooLargeError, QueueFullError, InterruptedError,
  /// and, for a priority that is NaN, InvalidArgumentError.
  template <class T>
  void send_norequest(const T& value, const ChannelId& channel = kDefaultChannel,
                      const SendOptions& options = kDefaultSendOptions) {
    check_encodable<T>();
    if constexpr (Encodable<T>) send(detail::outgoing(value), channel, options);
  }

  /// Sends the value if there is space for it now, and returns whether there was. Never waits: `options.timeout` is not
  /// used. After it has returned false, `native_handle` is readable also while there is space for this value.
  template <class T>
  [[nodiscard]] bool try_send(const T& value, const ChannelId& channel = kDefaultChannel,
                              const SendOptions& options = kDefaultSendOptions) {
    check_encodable<T>();
    if constexpr (Encodable<T>) return try_send(detail::outgoing(value), channel, options);
  }

  /// Sends a value that expects a reply, and counts it in `remaining(channel)` until the reply is received.
  template <class T>
  RequestId send_request(const T& value, const ChannelId& channel = kDefaultChannel,
                         const SendOptions& options = kDefaultSendOptions) {
    check_encodable<T>();
    if constexpr (Encodable<T>) return send_request(detail::outgoing(value), channel, options);
  }

  /// The same if there is space for it now: returns nullopt if there is none. Never waits: `options.timeout` is not
  /// used.
  template <class T>
  [[nodiscard]] std::optional<RequestId> try_send_request(const T& value, const ChannelId& channel = kDefaultChannel,
                                                          const SendOptions& options = kDefaultSendOptions) {
    check_encodable<T>();
    if constexpr (Encodable<T>) return try_send_request(detail::outgoing(value), channel, options);
  }

  /// Sends each element of a range as a request; the peer sees all of them at once. The time-out applies to each
  /// request.
  template <class Range>
    requires requires(Range& range) { std::begin(range) != std::end(range); }
  std::vector<RequestId> send_request_multiple(Range&& values, const ChannelId& channel = kDefaultChannel,
                                               const SendOptions& options = kDefaultSendOptions) {
    return send_each(values, channel, options);
  }
  template <class T>
  std::vector<RequestId> send_request_multiple(std::initializer_list<T> values,
                                               const ChannelId& channel = kDefaultChannel,
                                               const SendOptions& options = kDefaultSendOptions) {
    return send_each(values, channel, options);
  }

  /// Answers the oldest unanswered request of this channel, in the order in which receives returned them. If there is
  /// none, the message is sent as a reply that nobody asked for.
  template <class T>
  void send_reply(const T& value, const ChannelId& channel = kDefaultChannel,
                  const SendOptions& options = kDefaultSendOptions) {
    check_encodable<T>();
    if constexpr (Encodable<T>) send_reply(detail::outgoing(value), channel, options);
  }

  /// Answers this request. Throws NoRequestError if the message is no request, was answered already, or came through an
  /// earlier link.
  template <class T>
  void reply_to(const Message& request, const T& value, const SendOptions& options = kDefaultSendOptions) {
    check_encodable<T>();
    if constexpr (Encodable<T>) reply_to(request, detail::outgoing(value), options);
  }

  /// Answers this request by an error, which the receive of its reply throws. Throws NoRequestError like `reply_to`.
  template <ErrorPayload E>
  void reply_error_to(const Message& request, const E& error, const SendOptions& options = kDefaultSendOptions) {
    reply_error_to(request, detail::known_error<E>(), &error, options);
  }

  /// The same for the exception that is being handled, whatever its type: call it in a `catch` block. An exception
  /// whose type is neither standard nor declared by `accept_errors` arrives as a RemoteError.
  void reply_exception_to(const Message& request, const SendOptions& options = kDefaultSendOptions);

  /// In a worker: saves a state, of any type that can be sent, for the next worker of its Supervised, which gets it by
  /// `this_worker::restored`. It takes the place of the state before. When this returns the state counts, even if the
  /// worker ends at once, by SIGKILL too. It takes space in the link until the host looks at its messenger, so that it
  /// waits like a send, for at most `options.timeout`; a priority has no meaning. All of it is copied, also what could
  /// be lent. Throws MessageTooLargeError for more than RestartOptions::max_state_bytes, and what a send throws; then
  /// the state before counts. Without a Supervised it does nothing.
  template <class T>
  void save(const T& state, const SendOptions& options = kDefaultSendOptions) {
    check_encodable<T>();
    if constexpr (Encodable<T>) save(detail::outgoing(state), options);
  }

  /// `save` and `send_reply` in one: the state counts and the request is answered, or neither, whenever the worker
  /// ends. With Pending::resend each request then changes the state exactly once. State and answer are one message
  /// together, for which LinkOptions::max_message_bytes holds, and waiting for its space is as for any. Without a
  /// Supervised this is `send_reply`.
  template <class S, class T>
  void save_and_reply(const S& state, const T& answer, const ChannelId& channel = kDefaultChannel,
                      const SendOptions& options = kDefaultSendOptions) {
    check_encodable<S>();
    check_encodable<T>();
    if constexpr (Encodable<S> && Encodable<T>)
      save_and_reply(detail::outgoing(state), detail::outgoing(answer), channel, options);
  }
  /// The same with `reply_to`.
  template <class S, class T>
  void save_and_reply_to(const S& state, const Message& request, const T& answer,
                         const SendOptions& options = kDefaultSendOptions) {
    check_encodable<S>();
    check_encodable<T>();
    if constexpr (Encodable<S> && Encodable<T>)
      save_and_reply_to(detail::outgoing(state), request, detail::outgoing(answer), options);
  }

  /// Sends an error, which the peer's next receive throws. It belongs to no channel and answers no request.
  template <ErrorPayload E>
  void send_error(const E& error, const SendOptions& options = kDefaultSendOptions) {
    send_error(detail::known_error<E>(), &error, options);
  }

  /// Asks the peer to close. The peer's next receive throws ResourceRequestedClose, or, at a host's end,
  /// WorkerRequestedClose. The request needs no space, never waits, and overtakes everything that is queued.
  void send_close_request();

  /// Announces that nothing more will be sent. The peer first receives everything that was sent before; then its
  /// receives throw EndOfMessages, or, at a host's end, EndOfWorkersMessages. From then on sends at this end throw
  /// LinkClosedError, except for close requests and for the exception that leaves a target; receives go on. The call
  /// waits for space like a send. A second call does nothing.
  void send_end(const SendOptions& options = kDefaultSendOptions);

  /// Returns an array in the shared memory of this link, to be filled and sent. Its elements are not initialised.
  /// Throws LoanError if there is no room or the link has no memory to lend, and MessageTooLargeError.
  template <class T = std::byte>
  SharedBuffer<T> loan(std::size_t count) {
    return detail::LoanAccess::make<SharedBuffer<T>>(lend(count, sizeof(T)));
  }

  // ---- receiving ----

  /// Waits for a message of this channel and returns the first one in the order of this messenger.
  template <class T = Message>
  T receive_blocking(const ChannelId& channel = kDefaultChannel);

  /// The same for at most this time.
  template <class T = Message>
  std::optional<T> receive_for(const ChannelId& channel, Timeout timeout) {
    return receive<T>(&channel, 1, timeout);
  }
  template <class T = Message>
  std::optional<T> receive_for(Timeout timeout) {
    return receive_for<T>({}, timeout);
  }

  /// The same until this time of any clock.
  template <class T = Message, class Clock, class Duration>
  std::optional<T> receive_until(const ChannelId& channel, std::chrono::time_point<Clock, Duration> time) {
    return receive_for<T>(channel, time - Clock::now());
  }
  template <class T = Message, class Clock, class Duration>
  std::optional<T> receive_until(std::chrono::time_point<Clock, Duration> time) {
    return receive_until<T>({}, time);
  }

  /// Returns all messages of this channel that have arrived, in the order of this messenger, and does not wait. If it
  /// throws, all of them stay receivable.
  template <class T = Message>
  std::vector<T> receive_available(const ChannelId& channel = kDefaultChannel);

  /// Waits for the reply to this request; other messages stay queued. Throws TimeoutError, and NoRequestError if there
  /// is no outstanding request with this id.
  template <class T = Message>
  T receive_reply(RequestId id, Timeout timeout = kForever);

  /// Gives up the reply to this request: it is dropped, now or when it comes, and the request counts as answered. Call
  /// it when the time for a reply is over, since a reply that nobody receives stays in the inbox. Throws NoRequestError
  /// like `receive_reply`.
  void discard_reply(RequestId id);

  /// Returns a range of the replies of this channel as they arrive, until every request is answered; other messages
  /// stay queued. `each` is the time-out for each reply. Errors and the death of the peer are thrown inside the loop,
  /// after the replies that came before them; a new loop continues. See RepliesView.
  template <class T = Message>
  RepliesView<T> receive_remaining(const ChannelId& channel = kDefaultChannel, Timeout each = kForever) {
    detail::check_receivable<T>();
    return RepliesView<T>(*this, channel, each);
  }

  /// Waits for a message of any of these channels, at most for this time, and returns the first one in the order of
  /// this messenger.
  std::optional<Message> receive_any(std::initializer_list<ChannelId> channels, Timeout timeout = kForever) {
    return receive<Message>(channels.begin(), channels.size(), timeout);
  }
  std::optional<Message> receive_any(std::span<const ChannelId> channels, Timeout timeout = kForever) {
    return receive<Message>(channels.data(), channels.size(), timeout);
  }

  /// From now on this end keeps only the newest message of this channel, for states and measurements: a message that
  /// was not received yet is dropped when a newer one comes (`ChannelCounts::replaced`), and the newer one takes its
  /// place. Requests and replies are never dropped.
  void keep_latest(const ChannelId& channel = kDefaultChannel);

  /// Puts a message back that was received here and cannot be used now, as if it had not been received: it is returned
  /// before all others of its channel and priority, and is no longer counted as received or as replied to. Put several
  /// messages back in the reverse order of their receives. Throws InvalidArgumentError for a message of another link,
  /// and NoRequestError for a request that has been answered; then the message is unchanged.
  void put_back(Message&& message);

  // ---- calls ----

  /// Sends a call, waits for its reply and returns that: `send_request` and `receive_reply` in one. The type of a call
  /// names the type of its reply (`using Reply = ...;`, which may be void). `coproc::serve` answers calls. Throws what
  /// a send and a receive throw, and the exception by which the peer answers; TimeoutError if the time for both is
  /// over. If it throws, the reply is dropped when it comes.
  template <class C>
  detail::reply_t<C> call(const C& request, const ChannelId& channel, Timeout timeout);
  template <class C>
  detail::reply_t<C> call(const C& request, Timeout timeout = kForever) {
    return call(request, kDefaultChannel, timeout);
  }

  // ---- streams ----

  /// Sends a request that is answered in several parts, and returns these as they arrive. Nothing of it is a reply for
  /// other receives, or counts in `remaining`. Throws what a send throws.
  ///
  ///     for (const Row& row : worker.messenger().stream(Find{"a"})) use(row);
  template <detail::NamesPart C>
  Stream<typename C::Part> stream(const C& request, const ChannelId& channel = kDefaultChannel,
                                  const StreamOptions& options = {}) {
    return stream<typename C::Part, C>(request, channel, options);
  }
  template <detail::NamesPart C>
  Stream<typename C::Part> stream(const C& request, const StreamOptions& options) {
    return stream<typename C::Part, C>(request, kDefaultChannel, options);
  }
  /// The same for a request whose type names no `Part`.
  template <class Part, class T>
  Stream<Part> stream(const T& request, const ChannelId& channel = kDefaultChannel, const StreamOptions& options = {});
  template <class Part, class T>
  Stream<Part> stream(const T& request, const StreamOptions& options) {
    return stream<Part, T>(request, kDefaultChannel, options);
  }

  /// Sends a part of the answer to a request that was sent by `stream`. `reply_to` sends the last part, `end_reply_to`
  /// and errors end the stream without another one. Waits while the reader's window is full, and meanwhile moves
  /// incoming messages to the inbox. Throws StreamCancelledError if the reader has given up: the request is answered
  /// then. Throws NoRequestError like `reply_to`, and what a send throws; TimeoutError also if the window stays full.
  /// While the window is full, it throws the peer's close request as a receive does.
  template <class T>
  void reply_part_to(const Message& request, const T& part, const SendOptions& options = kDefaultSendOptions) {
    check_encodable<T>();
    if constexpr (Encodable<T>) reply_part_to(request, detail::outgoing(part), options);
  }
  /// The same if the part may be sent now: returns false if the window is full or there is no space. Never waits. When
  /// the reader has read more, `native_handle` becomes readable.
  template <class T>
  [[nodiscard]] bool try_reply_part_to(const Message& request, const T& part) {
    check_encodable<T>();
    if constexpr (Encodable<T>) return try_reply_part_to(request, detail::outgoing(part));
  }
  /// Ends the answer to a request that was sent by `stream`, behind the parts that were sent. Throws NoRequestError
  /// like `reply_to`.
  void end_reply_to(const Message& request, const SendOptions& options = kDefaultSendOptions);

  // ---- looking ----

  /// The number of messages of this channel that can be received now. It takes in what has arrived, and does not wait.
  /// While the inbox is full of other channels' messages, what is behind them in the link is not counted, although a
  /// receive may find it there.
  /// Throws the errors of a receive; if there is no message, it also throws the error for the end of the peer, until a
  /// receive or a send has thrown it.
  std::size_t available(const ChannelId& channel = kDefaultChannel);
  /// The number of messages of this channel that were moved to the inbox of this end already. Takes in no others, and
  /// throws nothing.
  std::size_t queued(const ChannelId& channel = kDefaultChannel) const noexcept;
  /// The number of requests of this channel whose replies were not received yet.
  std::size_t remaining(const ChannelId& channel = kDefaultChannel) const noexcept;
  ChannelCounts counts(const ChannelId& channel = kDefaultChannel) const noexcept;

  /// Calls `coproc::accept_errors`, which applies to the whole process.
  template <ErrorPayload... E>
  void accept_errors() {
    coproc::accept_errors<E...>();
  }

  /// Whether the peer has asked this end to close. Takes in nothing. May be called from any thread.
  bool close_requested() const noexcept;
  /// Whether a call on this end has met the peer's `send_end`. Takes in nothing. May be called from any thread.
  bool end_received() const noexcept;
  /// Makes the present wait, or else the next one, throw InterruptedError. May be called from any thread.
  void interrupt() noexcept;

  /// A descriptor for poll, epoll or Asio. It is readable exactly while something can be received or the peer is gone;
  /// and, from a `try_send` or `try_send_request` that found no space on, while there is space for its value, until
  /// something is sent. This object keeps owning it.
  int native_handle();

 protected:
  Messenger() noexcept;
  explicit Messenger(std::unique_ptr<detail::Core> core) noexcept;

 private:
  friend class Worker;
  friend struct detail::MessengerAccess;
  friend class detail::StreamHandle;
  template <class T>
  friend class RepliesView;
  friend COPROC_API std::optional<std::size_t> wait_any(std::span<Messenger* const> messengers, Timeout timeout);

  class Batch;
  template <class Range>
  std::vector<RequestId> send_each(Range& values, const ChannelId& channel, const SendOptions& options);
  template <class T>
  std::optional<T> receive(const ChannelId* channels, std::size_t count, Timeout timeout);

  void send(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options);
  bool try_send(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options);
  RequestId send_request(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options);
  std::optional<RequestId> try_send_request(const detail::Outgoing& value, const ChannelId& channel,
                                            const SendOptions& options);
  void call(const detail::Outgoing& request, const ChannelId& channel, const detail::Incoming& reply, Timeout timeout);
  /// Sends `count` values, each of which lies `size` bytes behind the one before, and appends their ids to `ids`.
  void send_requests(detail::Outgoing value, std::size_t size, std::size_t count, std::vector<RequestId>& ids,
                     const ChannelId& channel, const SendOptions& options);
  void send_reply(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options);
  void reply_to(const Message& request, const detail::Outgoing& value, const SendOptions& options);
  void reply_error_to(const Message& request, const detail::ErrorType& type, const void* error,
                      const SendOptions& options);
  void save(const detail::Outgoing& state, const SendOptions& options);
  void save_and_reply(const detail::Outgoing& state, const detail::Outgoing& answer, const ChannelId& channel,
                      const SendOptions& options);
  void save_and_reply_to(const detail::Outgoing& state, const Message& request, const detail::Outgoing& answer,
                         const SendOptions& options);
  void send_error(const detail::ErrorType& type, const void* error, const SendOptions& options);
  detail::StreamHandle begin_stream(const detail::Outgoing& request, const ChannelId& channel,
                                    const StreamOptions& options);
  void reply_part_to(const Message& request, const detail::Outgoing& part, const SendOptions& options);
  bool try_reply_part_to(const Message& request, const detail::Outgoing& part);
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

/// A messenger that returns messages with lower priorities first, and messages with equal priorities in the order of
/// their sends.
class COPROC_API PriorityMessenger : public Messenger {
 public:
  /// Makes a link and returns both of its ends. They are for two threads, or, as start arguments, for workers.
  static std::pair<PriorityMessenger, PriorityMessenger> new_pair(const LinkOptions& options = {});

 private:
  friend class Worker;
  friend struct detail::MessengerAccess;
  PriorityMessenger() noexcept = default;
  using Messenger::Messenger;
};

/// A messenger that returns messages in the order of their sends. It carries priorities, but does not reorder by them.
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
/// peer's end), at most for this time, and returns its index.
COPROC_API std::optional<std::size_t> wait_any(std::span<Messenger* const> messengers, Timeout timeout = kForever);

}  // namespace coproc::inline v0

#include "coproc/detail/messenger_templates.hpp"
