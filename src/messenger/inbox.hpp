// The messages that a messenger has drained from its link and not yet returned.
//
// Thread safety: none; the core's. Invariants: `queued_bytes` is the sum of what all entries cost; a queue's `live`
// counts the entries that can still be received, and `live_count` those of all queues; an entry that is taken out of
// turn (take_reply) stays in its queue, marked as dead, until it reaches the front or the dead outnumber the live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "coproc/priority_queue.hpp"
#include "messenger/entry.hpp"
#include "messenger/id_map.hpp"

namespace coproc::inline v0::detail {

class Inbox {
 public:
  /// `reorders`: entries of a lower priority come first; otherwise they keep the order of their arrival.
  Inbox(bool reorders, std::size_t max_bytes) : max_bytes_(max_bytes), reorders_(reorders) {}

  /// An entry to fill. In the steady state it allocates nothing for small payloads. It must not outlive the inbox.
  EntryPtr make_entry() { return pool_.make(); }
  /// Puts the entry into the queue of its channel. If it throws, the caller still has the entry, unchanged.
  void put(EntryPtr& entry);
  /// The same, but before all others of its channel and priority.
  void put_first(EntryPtr& entry);
  /// The entry that is to be returned next on this channel, or null. With `replies_only` all others are passed over.
  Entry* front(std::uint32_t channel, bool replies_only = false);
  /// Takes out the entry that `front` has returned.
  EntryPtr take_front(Entry& entry);
  /// The queued reply to a request, or null.
  Entry* find_reply(std::uint64_t request_id) noexcept;
  /// Takes a reply out of turn: moves its contents into a new entry.
  EntryPtr take_reply(Entry& entry);

  /// Whether a message of this size must wait in the link. An empty inbox takes a message of any size, so that every
  /// message can be received.
  bool is_full_for(std::size_t payload_bytes) const noexcept {
    return queued_bytes_ != 0 && queued_bytes_ + payload_bytes + kEntryBytes > max_bytes_;
  }
  std::size_t queued_bytes() const noexcept { return queued_bytes_; }
  /// Counts something that is kept outside the queues (a held error).
  void charge(std::size_t payload_bytes) noexcept { queued_bytes_ += payload_bytes + kEntryBytes; }
  void discharge(std::size_t payload_bytes) noexcept { queued_bytes_ -= payload_bytes + kEntryBytes; }
  /// The messages that can be received, on all channels, and on one.
  std::size_t live_count() const noexcept { return live_; }
  std::size_t live_count(std::uint32_t channel) const noexcept {
    const Queue* const queue = find_queue(channel);
    return queue == nullptr ? 0 : queue->live;
  }
  bool has_any_of(std::uint32_t channel) const noexcept { return live_ != 0 && live_count(channel) != 0; }
  /// The index of the channel with the most queued messages; for errors.
  std::uint32_t fullest() const noexcept;

  /// An entry's cost besides its payload, so that a flood of empty messages is bounded, too.
  static constexpr std::size_t kEntryBytes = 160;

 private:
  struct Queue {
    PriorityQueue<EntryPtr> replies;
    PriorityQueue<EntryPtr> others;
    std::size_t live = 0;
    std::size_t dead = 0;
  };

  Queue* find_queue(std::uint32_t channel) const noexcept {
    return channel < queues_.size() ? queues_[channel].get() : nullptr;
  }
  Queue& queue_for(std::uint32_t channel) {
    Queue* const found = find_queue(channel);
    return found != nullptr ? *found : make_queue(channel);
  }
  Queue& make_queue(std::uint32_t channel);
  template <class Put>
  void put_by(EntryPtr& entry, Put put);
  static void drop_dead(Queue& queue);

  EntryPool pool_;                              // declared first: entries go back into it when the queues are destroyed
  std::vector<std::unique_ptr<Queue>> queues_;  // by channel; null or missing: nothing was put there so far
  IdMap<Entry*, nullptr> replies_;
  std::size_t queued_bytes_ = 0;
  std::size_t live_ = 0;
  std::size_t max_bytes_;
  bool reorders_;
};

}  // namespace coproc::inline v0::detail
