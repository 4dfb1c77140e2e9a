// The replies of several workers to a range of requests, which arrive while they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/detail/reading_iterator.hpp"
#include "coproc/export.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"

namespace coproc::inline v0 {

/// The options of `WorkerResourcePool::map_messages`.
struct MapMessagesOptions {
  ChannelId channel = {};
  /// The number of unanswered requests that each worker has at a time.
  std::size_t window = 2;
  /// The longest wait for each reply, and for space for each request. After it the loop throws TimeoutError; nothing is
  /// lost, and a new loop continues.
  Timeout each = kForever;
};

namespace detail {

struct AbandonedReplies;

/// Sends requests to several workers and takes in their replies.
class COPROC_API RepliesReader {
 public:
  /// Sends the next request to this messenger, or returns nullopt if there are no more. After a TimeoutError or
  /// InterruptedError the next call sends the same request again.
  using SendNext =
      std::function<std::optional<RequestId>(Messenger& to, const ChannelId& channel, const SendOptions& options)>;

  RepliesReader(std::vector<Messenger*> workers, std::shared_ptr<AbandonedReplies> abandoned, SendNext send_next,
                MapMessagesOptions options, bool is_ordered);
  RepliesReader(RepliesReader&&) noexcept;
  RepliesReader& operator=(RepliesReader&&) noexcept;
  ~RepliesReader();

  struct Reply {
    Message message;
    std::uint64_t index;
    std::size_t worker;
  };
  /// Waits for the next reply; nullopt if all have arrived. Throws TimeoutError, InterruptedError.
  std::optional<Reply> next();

  static std::shared_ptr<AbandonedReplies> make_abandoned();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// The replies that `map_messages` returns: a move-only range that is read once, by the law of
/// detail/reading_iterator.hpp. Requests are sent and replies arrive while it is read.
///
/// The loop throws when a worker has ended, for every error that a worker sends, and for a `reply_error_to`; a new loop
/// continues with the other replies. The requests that a dead worker had not answered are lost with it. The loop also
/// throws TimeoutError, and InterruptedError if the messenger of a worker was interrupted; then nothing is lost. If the
/// range is destroyed before its end, the open requests are forgotten, and their replies do not reach a later map.
///
/// Thread safety: that of the messengers of the workers.
template <class T>
class RepliesOfWorkers {
 public:
  explicit RepliesOfWorkers(detail::RepliesReader reader) : reader_(std::move(reader)) {}
  RepliesOfWorkers(RepliesOfWorkers&&) noexcept = default;
  RepliesOfWorkers& operator=(RepliesOfWorkers&&) noexcept = default;

  using value_type = T;
  using Iterator = detail::ReadingIterator<RepliesOfWorkers>;
  Iterator begin() { return Iterator(*this); }
  detail::EndOfReading end() const noexcept { return {}; }

 private:
  friend Iterator;

  bool fetch() {
    if (message_ || value_) return true;
    auto reply = reader_.next();
    if (!reply) return false;
    index_ = reply->index;
    worker_ = reply->worker;
    message_.emplace(std::move(reply->message));
    return true;
  }
  /// Throws TypeMismatchError, and the error if the reply is one.
  T& value() {
    fetch();
    if (!value_) {
      std::optional<Message> message = std::move(message_);
      message_.reset();  // also if this throws, so that the next loop begins behind it
      if constexpr (std::is_same_v<T, Message>) {
        value_.emplace(*std::move(message));
      } else {
        value_.emplace(message->template get<T>());
      }
    }
    return *value_;
  }
  void drop() noexcept {
    message_.reset();
    value_.reset();
  }

  std::uint64_t index() const noexcept { return index_; }
  std::size_t worker() const noexcept { return worker_; }

  detail::RepliesReader reader_;
  std::optional<Message> message_;
  std::optional<T> value_;
  std::uint64_t index_ = 0;
  std::size_t worker_ = 0;
};

}  // namespace coproc::inline v0
