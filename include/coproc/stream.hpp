// Streams: requests that are answered in several parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/detail/incoming.hpp"
#include "coproc/detail/reading_iterator.hpp"
#include "coproc/export.hpp"
#include "coproc/priority.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

class Messenger;

/// The options of `Messenger::stream`.
struct StreamOptions {
  /// How long the send of the request may wait for space. After that it throws TimeoutError, and nothing was sent.
  Timeout timeout = kForever;
  /// How long a loop over the stream waits for each part. After that it throws TimeoutError; a new loop continues.
  Timeout each = kForever;
  /// The window: while so many bytes of parts are on their way or unread, the peer sends no more of them. Each part
  /// counts 160 bytes besides its own. A part may be larger than the window. 0 stands for half of
  /// `LinkOptions::ring_bytes`.
  std::size_t window_bytes = 0;
  /// The priority of the request. Without it, a `priority` member of the payload is the priority.
  std::optional<Priority> priority = {};
};

namespace detail {

template <class C>
concept NamesPart = requires { typename C::Part; };

/// A stream that this end reads, without the type of its parts. Its destructor cancels it.
class COPROC_API StreamHandle {
 public:
  StreamHandle(Messenger& messenger, std::uint64_t id) noexcept : messenger_(&messenger), id_(id) {}
  StreamHandle(StreamHandle&& other) noexcept
      : messenger_(other.messenger_), id_(other.id_), is_over_(std::exchange(other.is_over_, true)) {}
  StreamHandle& operator=(StreamHandle&& other) noexcept;
  ~StreamHandle() { cancel(); }

  /// Waits for the next part and delivers it. Returns false if there are no more. Throws TimeoutError.
  bool next(const Incoming& to, Timeout timeout);
  void cancel() noexcept;
  std::size_t queued() const noexcept;
  bool is_over() const noexcept { return is_over_; }
  void note_over() noexcept { is_over_ = true; }
  std::uint64_t id() const noexcept { return id_; }

 private:
  Messenger* messenger_;
  std::uint64_t id_;
  bool is_over_ = false;
};

}  // namespace detail

/// A type of `Messenger::stream` and `coproc::serve`: it can be sent, and so can the type `Part` that it names.
///
///     struct Find {
///       using Part = Row;
///       std::string text;
///     };
template <class C>
concept StreamPayload = Encodable<C> && detail::NamesPart<C> && Encodable<typename C::Part>;

/// The parts that answer one request, as they arrive: a move-only range that is read once, by the law of
/// detail/reading_iterator.hpp. It is valid as long as its messenger stays where it is, and its destructor cancels it.
///
/// The stream ends when the peer has sent the last part. An error by which the peer answers, and the end of the peer,
/// are thrown behind all parts that were sent before. Parts that are not read stay at this end; no other receive
/// returns them.
///
/// Thread safety: that of the messenger.
template <class T>
class Stream {
 public:
  Stream(detail::StreamHandle handle, Timeout each) noexcept : handle_(std::move(handle)), each_(each) {}
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;

  /// Waits for the next part, at most for this time. Returns nullopt if there are no more. Throws TimeoutError if the
  /// time is over; the stream goes on then. Throws what a receive throws, and the error by which the peer answers.
  std::optional<T> next(Timeout timeout = kForever) {
    std::optional<T> part = std::exchange(part_, std::nullopt);
    if (!part) handle_.next(detail::incoming<T>(part), timeout);
    return part;
  }
  /// Drops the parts that are not read yet, and tells the peer that it need not send more: its next send of a part
  /// throws StreamCancelledError. Does not wait. The stream is over then.
  void cancel() noexcept {
    part_.reset();
    handle_.cancel();
  }
  /// Whether no part will come any more: the last one was read, an error has answered, or the stream was cancelled.
  bool is_over() const noexcept { return !part_ && handle_.is_over(); }
  /// The number of parts that were moved to this end already and not read yet. An error that has come behind them, or
  /// an end without a part, counts like a part. Takes in no others, and throws nothing.
  std::size_t queued() const noexcept { return handle_.queued() + (part_ ? 1 : 0); }

  using value_type = T;
  using Iterator = detail::ReadingIterator<Stream>;
  Iterator begin() { return Iterator(*this); }
  detail::EndOfReading end() const noexcept { return {}; }

 private:
  friend Iterator;
  friend class AsyncMessenger;

  bool fetch() { return part_ || handle_.next(detail::incoming<T>(part_), each_); }
  T& value() {
    fetch();
    return *part_;
  }
  void drop() noexcept { part_.reset(); }

  detail::StreamHandle handle_;
  Timeout each_;
  std::optional<T> part_;  // that a loop has fetched and not dropped
};

}  // namespace coproc::inline v0
