// The open requests: those that this end has sent and that have no reply yet, and those of the peer that were returned
// to the user and are not answered yet. Requests of this end that are answered in parts are in the Streams instead.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: an id of `sent_` is below `next_id_`, or equal to it while that request is being sent. Its value is the
// index of its channel, with the bit kReceiving if it is in `together_` in another run than the last, and with the bit
// kUnwanted if its reply is to be dropped when it comes. An id is in `to_answer_` from its return to the user until its
// answer is sent or the request is put back. It is there only once, even if the peer uses it twice. A channel's
// `to_answer.count` is the number of its ids in `to_answer_`. `to_answer.ids` holds all of these, in the order of their
// return, and maybe some that were answered out of turn. If there is a teller, the value of an id in `to_answer_` is 1
// more than its slot there. Without one it is 0. If copies are kept, they are those of requests of this end that have
// no reply yet; of a request that is answered in parts, none of which has come.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "coproc/request_id.hpp"
#include "link/in_hand.hpp"
#include "messenger/channels.hpp"
#include "messenger/id_map.hpp"
#include "messenger/kept_requests.hpp"
#include "messenger/streams.hpp"

namespace coproc::inline v0::detail {

class RequestBooks {
 public:
  RequestBooks(std::uint64_t first_id, std::size_t max_to_answer) : next_id_(first_id), max_to_answer_(max_to_answer) {}

  // ---- requests of this end ----

  /// The id of the next request.
  std::uint64_t next_id() const noexcept { return next_id_; }
  /// From now on ids are at least this one. REQUIRES: no request is being sent.
  void continue_from(std::uint64_t id) noexcept { next_id_ = std::max(next_id_, id); }
  /// Call before the next request is sent, since its reply may arrive before the send returns.
  void begin(const Channel& channel) { sent_.insert(next_id_, channel.index); }
  /// Call if the send has failed.
  void give_up() noexcept {
    sent_.erase(next_id_);
    forget_copy(next_id_);
  }
  /// Call if the send has succeeded.
  void note_sent(Channel& channel) noexcept {
    ++next_id_;
    ++channel.counts.requests;
  }
  /// begin() and note_sent() for the next `count` requests. If it throws, nothing has changed. Call before they are
  /// published.
  void note_all_sent(Channel& channel, std::size_t count) {
    sent_.insert_run(next_id_, count, channel.index);
    next_id_ += count;
    channel.counts.requests += count;
  }
  /// Whether a reply with this id answers a request of this channel.
  bool expects(std::uint64_t id, const Channel& channel) noexcept {
    const std::uint32_t* const index = sent_.find(id);
    return index != nullptr && *index == channel.index;
  }
  /// The index of the channel of an open request, or null if the request is not open, or its reply is not wanted.
  const std::uint32_t* channel_of(std::uint64_t id) noexcept {
    const std::uint32_t* const index = sent_.find(id);
    return index == nullptr || (*index & kUnwanted) != 0 ? nullptr : index;
  }
  /// The reply to this open request is not wanted any more. The request counts as answered.
  void note_unwanted(Channel& channel, std::uint64_t id) noexcept {
    *sent_.find(id) |= kUnwanted;
    ++channel.counts.replies;
    forget_copy(id);
  }
  /// Whether a reply with this id answers a request of this channel and is not wanted.
  bool is_unwanted(std::uint64_t id, const Channel& channel) noexcept {
    const std::uint32_t* const index = sent_.find(id);
    return index != nullptr && *index == (channel.index | kUnwanted);
  }
  /// Call when such a reply has been dropped.
  void note_dropped(std::uint64_t id) noexcept { sent_.erase(id); }
  /// A request of an earlier link of this messenger, whose reply is in the inbox or still to come.
  void expect_earlier(Channel& channel, std::uint64_t id) {
    sent_.insert(id, channel.index);
    ++channel.counts.requests;
  }
  /// The ids of the requests that were sent and have no reply yet, in the order of their sends. Those whose replies are
  /// not wanted are left out.
  std::vector<RequestId> without_reply() const;
  /// The number of requests that were sent and whose reply was neither returned nor dropped.
  std::size_t open() const noexcept { return sent_.size(); }

  /// Copies of requests, by which they can be sent again. Null: none are kept.
  KeptRequests* copies() const noexcept { return copies_.get(); }
  void keep_copies(std::unique_ptr<KeptRequests> copies) noexcept { copies_ = std::move(copies); }
  std::unique_ptr<KeptRequests> take_copies() noexcept { return std::move(copies_); }
  /// The request will not be sent again.
  void forget_copy(std::uint64_t id) noexcept {
    if (copies_ != nullptr) copies_->forget(id);
  }

  // ---- requests that are answered in parts ----

  Streams& streams() noexcept { return streams_; }
  const Streams& streams() const noexcept { return streams_; }

  // ---- requests of the peer ----

  /// Whether so many more requests may be returned to the user. Unanswered requests are bounded.
  bool has_room_for(std::size_t more) const noexcept { return to_answer_.size() + more <= max_to_answer_; }
  /// The number of requests that are not answered yet.
  std::size_t to_answer() const noexcept { return to_answer_.size(); }
  bool is_to_answer(std::uint64_t id) noexcept { return to_answer_.find(id) != nullptr; }
  /// The id of the oldest unanswered request of this channel, or 0 if there is none.
  std::uint64_t oldest_to_answer(Channel& channel) noexcept {
    // Ids that were answered out of turn are still in the list, and are removed here.
    Fifo<std::uint64_t>& ids = channel.to_answer.ids;
    while (!ids.empty() && !is_to_answer(ids.front())) ids.pop_front();
    return ids.empty() ? 0 : ids.front();
  }
  /// From now on the peer is told which of its requests are in hand. Call before one is received.
  void tell_in_hand(link::InHandWords& words) { teller_ = std::make_unique<link::InHandTeller>(words); }
  /// Call before code of the user decodes a request.
  void note_decoding(std::uint64_t id) noexcept {
    if (teller_ != nullptr) teller_->note_decoding(id);
  }
  /// Call when an answer with this id has been sent.
  void note_answered(Channel& channel, std::uint64_t id) noexcept;

  // ---- receives ----

  /// Call when a request has been returned to the user.
  void note_returned_request(Channel& channel, std::uint64_t id);
  /// Call when a reply has been returned to the user. It may be a reply to no request.
  void note_returned_reply(Channel& channel, std::uint64_t id) noexcept;

  // ---- receives of many requests and replies, which all succeed or all fail ----

  /// Adds the next of them. Returns false if it must be received alone: a second reply to the same request, or a
  /// request for which there is no room. REQUIRES: a reply is expected, or has the id 0.
  bool begin_together(bool is_reply, std::uint64_t id) {
    if (id == 0) return true;
    if (!is_reply && !has_room_for(++requests_together_)) return false;
    if (together_.empty() || together_.back().end != id || together_.back().is_reply != is_reply)
      return begin_run(is_reply, id);
    ++together_.back().end;
    return true;
  }
  /// None of them is received.
  void cancel_together() noexcept;
  /// All of them have been returned to the user. If it throws, they are all still to be received.
  void note_returned_together(Channel& channel);

  // ---- messages that are put back ----

  /// Undoes note_returned_request(): the request waits for no answer. REQUIRES: is_to_answer(id).
  void take_back_request(Channel& channel, std::uint64_t id) noexcept;
  /// Undoes note_returned_reply(): the reply is expected again. If it throws, nothing has changed. REQUIRES: the reply
  /// answers a request, and was noted as returned.
  void take_back_reply(Channel& channel, std::uint64_t id) {
    sent_.insert(id, channel.index);
    --channel.counts.replies;
  }

 private:
  /// Indices of channels are lower, so that an index with one of these bits matches no channel.
  static constexpr std::uint32_t kReceiving = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kUnwanted = std::uint32_t{1} << 30;
  using Ids = IdMap<std::uint32_t, ~std::uint32_t{0}>;

  /// Requests, or replies, whose ids follow each other.
  struct Run {
    bool is_reply;
    std::uint64_t first, end;
  };

  bool begin_run(bool is_reply, std::uint64_t id);
  void add_to_answer(Channel& channel, std::uint64_t id);
  void tell_returned(std::uint64_t id) noexcept;
  void tell_answered(std::uint64_t id) noexcept;
  /// Removes a request of the peer. Returns whether it was there.
  bool erase_to_answer(std::uint64_t id) noexcept {
    if (teller_ != nullptr) [[unlikely]]
      tell_answered(id);
    return to_answer_.erase(id);
  }

  Ids sent_;
  std::uint64_t next_id_;
  Ids to_answer_;
  std::size_t max_to_answer_;  // constant after construction
  std::vector<Run> together_;
  std::size_t requests_together_ = 0;
  Streams streams_;
  std::unique_ptr<KeptRequests> copies_;
  std::unique_ptr<link::InHandTeller> teller_;
};

}  // namespace coproc::inline v0::detail
