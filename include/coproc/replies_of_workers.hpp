// The replies of several workers to a range of requests, which come while they are read.
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

/// How `WorkerResourcePool::map_messages` hands out its requests. `window`: how many a worker has at a time that it has not
/// answered. `each`: how long to wait for each reply, and for room to send a request; then TimeoutError is thrown inside the loop,
/// nothing is lost, and a new loop goes on.
struct MapMessagesOptions {
  ChannelId channel = {};
  std::size_t window = 2;
  Timeout each = kForever;
};

namespace detail {

struct AbandonedReplies;

/// Sends requests to several workers and takes in their replies.
class COPROC_API RepliesReader {
 public:
  /// Sends the next request to this messenger; nullopt: there are no more. One that throws TimeoutError or InterruptedError sends
  /// the same again the next time.
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
  /// Waits for the next one; nullopt: all have come. Throws TimeoutError, InterruptedError.
  std::optional<Reply> next();

  static std::shared_ptr<AbandonedReplies> make_abandoned();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// What `map_messages` gives: a move-only range of replies, to be read once. Requests are sent and replies come while it is read;
/// `==` waits for the next one. A worker's end, an error that it sends and a `reply_error_to` are thrown inside the loop; a new loop
/// goes on with what is left: the requests that a dead worker had not answered are lost with it. So is a TimeoutError, and an
/// InterruptedError where one of the workers' messengers was interrupted: then nothing is lost. Destroyed before its end, what was not
/// answered is forgotten: its replies reach no later map.
///
/// Thread safety: that of the workers' messengers.
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
  /// Throws TypeMismatchError, and the error where the reply is one.
  T& value() {
    fetch();
    if (!value_) {
      std::optional<Message> message = std::move(message_);
      message_.reset();  // also where it throws: the next loop begins behind it
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
