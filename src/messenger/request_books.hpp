// Which requests are open: those that were sent here and have no reply yet, and those of the peer that a receive has
// returned and nobody has answered yet.
//
// Thread safety: none; the core's. Invariants: an id of `sent_` is below `next_id_`, or is next_id_ itself while that
// request is on its way out; its value is the index of its channel, with kReceiving while its reply is being received
// together with others. An id is in `to_answer_` from its return to the user until its answer is sent or it is put
// back, once, however often the peer uses it. A channel's `to_answer.count` is the number of its ids in `to_answer_`;
// `to_answer.ids` holds all of these, in the order of their return, and maybe some that were answered out of turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coproc/request_id.hpp"
#include "messenger/channels.hpp"
#include "messenger/id_map.hpp"

namespace coproc::inline v0::detail {

class RequestBooks {
 public:
  RequestBooks(std::uint64_t first_id, std::size_t max_to_answer) : next_id_(first_id), max_to_answer_(max_to_answer) {}

  // ---- requests that are sent here ----

  /// The id of the next request.
  std::uint64_t next_id() const noexcept { return next_id_; }
  /// The next request is about to leave: its reply may be there before the send has returned.
  void begin(const Channel& channel) { sent_.insert(next_id_, channel.index); }
  /// It did not leave.
  void give_up() noexcept { sent_.erase(next_id_); }
  /// It has left.
  void note_sent(Channel& channel) noexcept {
    ++next_id_;
    ++channel.counts.requests;
  }
  /// Whether a reply with this id answers a request of this channel.
  bool expects(std::uint64_t id, const Channel& channel) noexcept {
    const std::uint32_t* const index = sent_.find(id);
    return index != nullptr && *index == channel.index;
  }
  /// The index of the channel of a request that has no reply yet, or null.
  const std::uint32_t* channel_of(std::uint64_t id) noexcept { return sent_.find(id); }
  /// Until `end_receiving` no reply with this id is expected: a second one is found out. REQUIRES: the id is expected.
  void begin_receiving(std::uint64_t id) noexcept { *sent_.find(id) |= kReceiving; }
  void end_receiving(std::uint64_t id) noexcept {
    if (std::uint32_t* const index = sent_.find(id)) *index &= ~kReceiving;
  }
  /// The ids of the requests that have left and have no reply yet, in the order of their sends.
  std::vector<RequestId> without_reply() const;

  // ---- requests that are received here ----

  /// Whether so many more requests may be returned besides those that wait for their answers.
  bool has_room_for(std::size_t more) const noexcept { return to_answer_.size() + more <= max_to_answer_; }
  /// How many wait for their answers.
  std::size_t to_answer() const noexcept { return to_answer_.size(); }
  bool is_to_answer(std::uint64_t id) noexcept { return to_answer_.find(id) != nullptr; }
  /// The request of this channel that has waited for its answer longest, or 0: there is none.
  std::uint64_t oldest_to_answer(Channel& channel) noexcept {
    // Those that were answered out of turn are passed over here.
    Fifo<std::uint64_t>& ids = channel.to_answer.ids;
    while (!ids.empty() && !is_to_answer(ids.front())) ids.pop_front();
    return ids.empty() ? 0 : ids.front();
  }
  /// An answer with this id has been sent.
  void note_answered(Channel& channel, std::uint64_t id) noexcept;

  // ---- what a receive returns ----

  /// A request has been returned to the user.
  void note_returned_request(Channel& channel, std::uint64_t id);
  /// A reply, which may answer no request, has been returned to the user.
  void note_returned_reply(Channel& channel, std::uint64_t id) noexcept;

  // ---- what is put back; each undoes what was noted above ----

  /// The request was not returned: it does not wait for an answer. REQUIRES: is_to_answer(id).
  void take_back_request(Channel& channel, std::uint64_t id) noexcept;
  /// The reply was not returned: it is expected again. If it throws, nothing has changed. REQUIRES: the reply answers a
  /// request, and was noted as returned.
  void take_back_reply(Channel& channel, std::uint64_t id) {
    sent_.insert(id, channel.index);
    --channel.counts.replies;
  }

 private:
  /// Beside a channel's index, which is lower, it makes a value that is no channel's.
  static constexpr std::uint32_t kReceiving = std::uint32_t{1} << 31;
  using Ids = IdMap<std::uint32_t, ~std::uint32_t{0}>;

  Ids sent_;
  std::uint64_t next_id_;
  Ids to_answer_;
  std::size_t max_to_answer_;  // constant after construction
};

}  // namespace coproc::inline v0::detail
