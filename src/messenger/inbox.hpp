// The messages that a messenger has drained from its link and not yet returned.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: `queued_bytes` is the sum of the costs of all live entries and of everything charged. A queue's `live` is
// the number of its entries that can still be received, and `live_` is the sum over all queues. The entry of a reply
// that was taken out of turn (take_reply) stays in its queue, marked as dead, until it reaches the front or the dead
// entries are the majority. `replies_` holds the live replies by their request ids, except those with id 0. A queue's
// `latest` is the only message in it, if its channel keeps the latest message only, and null if there is none.
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
  /// `reorders`: whether lower priorities come first. Otherwise entries are returned in the order of their arrival.
  Inbox(bool reorders, std::size_t max_bytes) : max_bytes_(max_bytes), reorders_(reorders) {}

  /// A new entry, which must not outlive the inbox. In a steady state, entries with small payloads allocate nothing.
  EntryPtr make_entry() { return pool_.make(); }
  /// Puts the entry into the queue of its channel. If it throws, the caller still owns the entry, unchanged.
  void put(EntryPtr& entry);
  /// The same, but before all other entries of its channel and priority.
  void put_first(EntryPtr& entry);
  /// The same for a message of a channel that keeps the latest message only. If there is an older one, the newer one
  /// takes its place, and `entry` has the older one. Returns the entry that is in the queue.
  Entry& put_latest(EntryPtr& entry);
  /// Drops all messages of this channel but the newest one, and returns how many. From now on put_latest() puts them.
  std::size_t keep_latest(std::uint32_t channel);
  /// The message of a channel that keeps the latest message only, or null if there is none.
  const Entry* latest(std::uint32_t channel) const noexcept {
    const Queue* const queue = find_queue(channel);
    return queue == nullptr ? nullptr : queue->latest;
  }
  /// The entry that is to be returned next on this channel, or null. `replies_only`: considers only replies.
  Entry* front(std::uint32_t channel, bool replies_only = false);
  /// Takes out `entry`, which `front` has just returned.
  EntryPtr take_front(Entry& entry);
  /// The queued reply to a request, or null.
  Entry* find_reply(std::uint64_t request_id) noexcept;
  /// The number of queued replies to requests.
  std::size_t replies() const noexcept { return replies_.size(); }
  /// Takes out a reply that need not be the front: moves its contents into a new entry.
  EntryPtr take_reply(Entry& entry);

  /// Whether there is no room for a message of this size, which must then stay in the link. An empty inbox has room
  /// for any message, so that every message can be received.
  /// `replaced`: the message that it replaces, or null.
  bool is_full_for(std::size_t payload_bytes, const Entry* replaced = nullptr) const noexcept {
    const std::size_t kept = replaced == nullptr ? queued_bytes_ : queued_bytes_ - replaced->cost() - kEntryBytes;
    return kept != 0 && kept + payload_bytes + kEntryBytes > max_bytes_;
  }
  /// From now on there is always room.
  void lift_limit() noexcept { max_bytes_ = ~std::size_t{0}; }
  std::size_t queued_bytes() const noexcept { return queued_bytes_; }
  /// Counts bytes that are kept outside the queues, as those of held errors.
  void charge(std::size_t payload_bytes) noexcept { queued_bytes_ += payload_bytes + kEntryBytes; }
  void discharge(std::size_t payload_bytes) noexcept { queued_bytes_ -= payload_bytes + kEntryBytes; }
  /// The number of messages that can be received: on all channels, and on one.
  std::size_t live_count() const noexcept { return live_; }
  std::size_t live_count(std::uint32_t channel) const noexcept {
    const Queue* const queue = find_queue(channel);
    return queue == nullptr ? 0 : queue->live;
  }
  bool has_any_of(std::uint32_t channel) const noexcept { return live_ != 0 && live_count(channel) != 0; }
  /// The index of the channel with the most messages; for the texts of errors.
  std::uint32_t fullest() const noexcept;

  /// The bytes that an entry costs besides its payload, so that the number of empty messages is bounded, too.
  static constexpr std::size_t kEntryBytes = 160;

 private:
  struct Queue {
    PriorityQueue<EntryPtr> replies;
    PriorityQueue<EntryPtr> others;
    std::size_t live = 0;
    std::size_t dead = 0;
    Entry* latest = nullptr;
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

  EntryPool pool_;  // declared first: the destructors of the queues return their entries to it
  std::vector<std::unique_ptr<Queue>> queues_;  // by channel index; null or missing until an entry is put there
  IdMap<Entry*, nullptr> replies_;
  std::size_t queued_bytes_ = 0;
  std::size_t live_ = 0;
  std::size_t max_bytes_;
  bool reorders_;
};

}  // namespace coproc::inline v0::detail
