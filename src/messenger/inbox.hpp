// What a messenger has drained from its link and not yet returned.
//
// Thread safety: none; the core's.
// Invariants: `queued_bytes` is what all entries cost; a channel's `live` counts the entries that can still be received;
// entries taken out of turn (receive_reply) stay in the queue as dead until they reach the front or outnumber the live.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/channel_counts.hpp"
#include "coproc/detail/buffer.hpp"
#include "coproc/detail/fifo.hpp"
#include "coproc/detail/loan.hpp"
#include "coproc/priority.hpp"
#include "coproc/priority_queue.hpp"
#include "link/frame.hpp"
#include "messenger/entry.hpp"
#include "messenger/id_map.hpp"

namespace coproc::inline v0::detail {

struct Channel {
  ChannelId id;
  ChannelCounts counts;
  PriorityQueue<EntryPtr> replies;
  PriorityQueue<EntryPtr> others;
  std::size_t live = 0;
  std::size_t dead = 0;
  Fifo<std::uint64_t> returned_requests;  // ids that a receive has returned, oldest first; some may be answered already
  std::size_t unanswered = 0;
};

class Inbox {
 public:
  /// `reorders`: lower priority first; otherwise in the order of arrival.
  Inbox(bool reorders, std::size_t max_bytes) : max_bytes_(max_bytes), reorders_(reorders) {
    channels_.push_back(std::make_unique<Channel>());
  }

  /// The index of a channel; makes it if there is none yet. Index 0 is the default channel.
  std::uint32_t index_of(const ChannelId& id) {
    if (id.is_default()) return 0;
    const Known& known = known_[id.hash_of_number() % kKnown];
    return known.id != nullptr && *known.id == id ? known.index : look_up(id);
  }
  Channel& channel(std::uint32_t index) noexcept { return *channels_[index]; }
  std::size_t channel_count() const noexcept { return channels_.size(); }
  /// The channel of this name if there is one; for counting.
  const Channel* find(const ChannelId& id) const noexcept;

  /// An entry to fill: the steady state allocates nothing for small payloads. It must not outlive the inbox.
  EntryPtr make_entry() { return pool_.make(); }
  /// Where it throws, the entry is the caller's, as it was.
  void put(EntryPtr& entry);
  /// The same, but before all others of its channel and priority.
  void put_first(EntryPtr& entry);
  /// The entry that would be returned next on this channel, or null; `replies_only` passes over all others.
  Entry* front(Channel& channel, bool replies_only = false);
  /// Takes out the front that `front` gave.
  EntryPtr take_front(Channel& channel, Entry& entry);
  /// The queued reply to a request, or null.
  Entry* find_reply(std::uint64_t request_id) noexcept;
  /// Takes a reply out of turn: moves what it holds into a new entry.
  EntryPtr take_reply(Entry& entry);

  /// Whether a message of this size must wait in the link. One message fits always, so that nothing can never be received.
  bool is_full_for(std::size_t payload_bytes) const noexcept {
    return queued_bytes_ != 0 && queued_bytes_ + payload_bytes + kEntryBytes > max_bytes_;
  }
  std::size_t queued_bytes() const noexcept { return queued_bytes_; }
  /// What is counted for something kept outside the queues (a held error).
  void charge(std::size_t payload_bytes) noexcept { queued_bytes_ += payload_bytes + kEntryBytes; }
  void discharge(std::size_t payload_bytes) noexcept { queued_bytes_ -= payload_bytes + kEntryBytes; }
  std::size_t live_count() const noexcept { return live_; }
  /// The channel with the most queued messages; for errors.
  const Channel& fullest() const noexcept;

  /// What an entry costs besides its payload, so that a flood of empty messages is bounded, too.
  static constexpr std::size_t kEntryBytes = 160;

 private:
  std::uint32_t look_up(const ChannelId& id);
  template <class Put>
  void put_by(EntryPtr& entry, Put put);
  void drop_dead(PriorityQueue<EntryPtr>& replies, Channel& channel);

  EntryPool pool_;                                  // first: goes last
  std::vector<std::unique_ptr<Channel>> channels_;  // one each: references stay good while channels are added
  std::map<ChannelId, std::uint32_t> indices_;      // ordered: a peer chooses the names, and could make hashes collide
  struct Known {
    const ChannelId* id = nullptr;
    std::uint32_t index = 0;
  };
  static constexpr std::size_t kKnown = 16;
  std::array<Known, kKnown> known_;  // looked up lately: a few channels are used again and again
  IdMap<Entry*, nullptr> replies_;
  std::size_t queued_bytes_ = 0;
  std::size_t live_ = 0;
  std::size_t max_bytes_;
  bool reorders_;
};

}  // namespace coproc::inline v0::detail
