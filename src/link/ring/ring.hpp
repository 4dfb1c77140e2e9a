// A single-producer, single-consumer ring of records in memory that two processes share.
//
// A record is a 32-bit length word and what follows it, contiguous, its place rounded up to 8 bytes:
//
//   | length | frame ...        | length | frame ... | pad        |   (end of the ring; the next record starts at 0)
//
// Thread safety: one Producer and one Consumer, each used by one thread at a time; the two may run in parallel.
//
// Invariants:
//   1. Positions only grow; the place in memory is the position modulo the capacity, a power of two.
//   2. Each side keeps its own position privately and only publishes it. It never reads the published copy back, which
//      a hostile peer can overwrite.
//   3. The peer's position is loaded once, checked (aligned, not backwards, at most one capacity apart) and then used.
//   4. A record never wraps and takes at most a quarter of the ring.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "step/step.hpp"

namespace coproc::inline v0::ring {

inline constexpr std::size_t kAlignment = 8;
inline constexpr std::uint32_t kPadBit = 0x8000'0000;
inline constexpr std::size_t kMinBytes = 4096;
inline constexpr std::size_t kMaxBytes = std::size_t{1} << 30;

constexpr std::size_t rounded_up(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) & ~(kAlignment - 1); }

/// The two published positions, each on a cache line of its own, since each is written by another processor.
struct Positions {
  alignas(64) std::atomic<std::uint64_t> tail;  // written by the producer: everything before it may be read
  alignas(64) std::atomic<std::uint64_t> head;  // written by the consumer: everything before it may be overwritten
};
static_assert(sizeof(Positions) == 128 && std::atomic<std::uint64_t>::is_always_lock_free);

/// Loads the length word once, as the peer may be writing it at this moment.
inline std::uint32_t load_length(const std::byte* at) noexcept {
  auto* const word = reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(at));
  // relaxed: ordered by the acquire of the tail. Only a bad peer makes this a race, and the value is checked.
  return std::atomic_ref<std::uint32_t>(*word).load(std::memory_order_relaxed);
}

/// How far ahead of the next record the cache lines are prefetched.
inline constexpr std::uint64_t kPrefetch = 512;

inline void prefetch(const std::byte* at) noexcept {
  __builtin_prefetch(at);
  __builtin_prefetch(at + 64);  // at the ring's end this lies behind the ring: it is only a hint
}
inline void prefetch_for_writing(std::byte* at) noexcept {
#ifdef __x86_64__
  // The builtin would become a read unless told that every processor has this instruction. Processors without it do
  // nothing.
  asm volatile("prefetchw %0\n\tprefetchw %1" : : "m"(at[0]), "m"(at[64]));
#else
  __builtin_prefetch(at, 1);
  __builtin_prefetch(at + 64, 1);
#endif
}

class Producer {
 public:
  Producer(Positions& positions, std::span<std::byte> memory) noexcept
      : positions_(&positions), memory_(memory.data()), capacity_(memory.size()), max_record_(memory.size() / 4) {}

  std::size_t max_record() const noexcept { return max_record_; }
  bool is_fresh() const noexcept { return tail_ == 0; }
  /// True: the consumer's position was impossible, and nothing more can be sent.
  bool is_broken() const noexcept { return is_broken_; }

  /// Contiguous free space of at least `bytes` (at most `max_record()`), and more if there is more, up to
  /// `max_record()`; empty: the ring is full. `commit` writes the first four bytes, the length word.
  std::span<std::byte> reserve(std::size_t bytes) noexcept {
    if (tail_ + bytes > free_until_) return reserve_elsewhere(bytes);
    pad_ = 0;
    return {memory_ + (tail_ & (capacity_ - 1)), std::min<std::size_t>(free_until_ - tail_, max_record_)};
  }

  /// Makes the first `bytes` of what was reserved a record. The consumer sees it at the next `publish`.
  void commit(std::size_t bytes) noexcept {
    if (pad_ != 0) {
      store_length(tail_, static_cast<std::uint32_t>(pad_) | kPadBit);
      step("ring.commit: pad written");
      tail_ += pad_;
      pad_ = 0;
      note_free();
    }
    store_length(tail_, static_cast<std::uint32_t>(bytes));
    step("ring.commit: length written");
    tail_ += rounded_up(bytes);
  }

  /// Shows all committed records to the consumer.
  void publish() noexcept {
    step("ring.publish: before");
    // An exchange, although a store with release would do for the records: the caller's next seq_cst load must come
    // after it. It takes less time than a store and a fence. Pairs with the acquire in Consumer::look.
    positions_->tail.exchange(tail_, std::memory_order_seq_cst);
    step("ring.publish: after");
  }

  /// Publishes like publish(), for a caller that then looks at nothing of the consumer's. It costs no more than a
  /// store.
  void publish_quietly() noexcept {
    step("ring.publish: before");
    positions_->tail.store(tail_, std::memory_order_release);  // pairs with the acquire in Consumer::look
    step("ring.publish: after");
  }

  /// Where the next record begins, counted from the first one of the ring.
  std::uint64_t tail() const noexcept { return tail_; }
  /// Whether the consumer has given back all that lies before this place.
  bool is_taken(std::uint64_t place) noexcept { return head_seen_ >= place || (look_at_head() && head_seen_ >= place); }

  /// For a producer that will write more: prefetches the cache lines, which the consumer read last.
  void prefetch() noexcept {
    if (const std::uint64_t ahead = tail_ + kPrefetch; ahead - head_seen_ < capacity_)
      prefetch_for_writing(memory_ + (ahead & (capacity_ - 1)));
  }

  /// Whether `reserve(bytes)` would succeed, for a sender that waits.
  bool has_room(std::size_t bytes) noexcept { return !reserve(bytes).empty() || is_broken_; }

 private:
  /// Behind a pad at the ring's end, or in what the consumer has given back since the last look.
  std::span<std::byte> reserve_elsewhere(std::size_t bytes) noexcept;
  /// Notes what is free behind the next record's beginning, up to the ring's end.
  void note_free() noexcept {
    free_until_ = std::min(head_seen_ + capacity_, (tail_ & ~(std::uint64_t{capacity_} - 1)) + capacity_);
  }

  void store_length(std::uint64_t position, std::uint32_t length) noexcept {
    std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(memory_ + (position & (capacity_ - 1))))
        .store(length, std::memory_order_relaxed);  // relaxed: published by the release of the tail
  }

  bool look_at_head() noexcept {
    const std::uint64_t head = positions_->head.load(std::memory_order_acquire);  // pairs with Consumer::release
    if (head % kAlignment != 0 || head < head_seen_ || head > tail_) {
      is_broken_ = true;
      return false;
    }
    head_seen_ = head;
    return true;
  }

  Positions* positions_;    // constant after construction
  std::byte* memory_;       // constant after construction
  std::size_t capacity_;    // constant after construction
  std::size_t max_record_;  // constant after construction
  std::uint64_t tail_ = 0;
  std::uint64_t head_seen_ = 0;
  std::uint64_t free_until_ = 0;  // known to be free and contiguous from the tail on; both are multiples of 8
  std::size_t pad_ = 0;
  bool is_broken_ = false;
};

class Consumer {
 public:
  Consumer(Positions& positions, std::span<std::byte> memory) noexcept
      : positions_(&positions),
        memory_(memory.data()),
        capacity_(memory.size()),
        release_step_(memory.size() / 4),
        lengths_(static_cast<std::uint32_t>(memory.size() / 4) - kMinRecord + 1) {}

  bool is_fresh() const noexcept { return tail_seen_ == 0; }
  /// True: the producer's position or a length word was impossible, and nothing more can be received.
  bool is_broken() const noexcept { return lengths_ == 0; }

  /// Looks how far the producer has come; true if there is a record to read. Later records stay invisible until the
  /// next look.
  bool look() noexcept {
    const std::uint64_t tail = positions_->tail.load(std::memory_order_acquire);  // pairs with Producer::publish
    if (tail == tail_seen_) return head_ != tail_seen_;
    if (tail % kAlignment != 0 || tail < tail_seen_ || tail - head_ > capacity_) return note_broken();
    tail_seen_ = tail;
    return true;
  }

  /// The position of the oldest record that was not popped, and the end of the last record that was seen.
  std::uint64_t head() const noexcept { return head_; }
  std::uint64_t seen() const noexcept { return tail_seen_; }

  /// The record at `position`, with its length word; empty if no more was seen there. Skips pads: `position` is then
  /// the record's own, and `end_of` gives the next one's. REQUIRES: `position` lies between head() and seen(), and is
  /// head() or the end of a record that was read before.
  std::span<const std::byte> read(std::uint64_t& position) noexcept {
    if (position == tail_seen_) return {};
    const std::size_t place = position & (capacity_ - 1);
    const std::uint32_t word = load_length(memory_ + place);
    if (is_record(word, contiguous_from(position))) return {memory_ + place, word};
    return read_elsewhere(position);
  }
  static std::uint64_t end_of(std::span<const std::byte> record, std::uint64_t position) noexcept {
    return position + rounded_up(record.size());
  }

  /// The oldest record seen and not popped, with its length word, or empty.
  std::span<const std::byte> front() noexcept {
    const auto record = read(head_);
    front_bytes_ = rounded_up(record.size());
    return record;
  }

  /// Drops the record that `front` returned last.
  void pop() noexcept { pop_until(head_ + std::exchange(front_bytes_, 0)); }
  /// Drops all records up to the end of one that was read.
  void pop_until(std::uint64_t position) noexcept {
    step("ring.pop");
    head_ = position;
    // These lines come from another processor's cache, and each takes about as long as a record does here.
    if (tail_seen_ - position > kPrefetch) prefetch(memory_ + ((position + kPrefetch) & (capacity_ - 1)));
  }

  /// Whether enough was popped to be given back now. Large pieces spare both sides the cache line. A producer that
  /// lacks less space than that for its record waits until records are popped, and not for this.
  bool is_release_due() const noexcept { return head_ - head_published_ >= release_step_; }
  /// From now on everything that was popped is to be given back, so that the producer sees how far this side has come.
  void release_at_once() noexcept { release_step_ = 1; }
  /// Gives the popped records' space back; true if there was any.
  bool release() noexcept {
    if (head_ == head_published_) return false;
    head_published_ = head_;
    step("ring.release: before");
    positions_->head.store(head_, std::memory_order_release);  // pairs with the acquire in Producer::look_at_head
    step("ring.release: after");
    return true;
  }

 private:
  static constexpr std::uint32_t kMinRecord = 5;  // the length word and something

  /// The bytes from this position that were seen and lie before the ring's end.
  std::uint64_t contiguous_from(std::uint64_t position) const noexcept {
    return std::min(tail_seen_ - position, capacity_ - (position & (capacity_ - 1)));
  }
  /// Whether a record can have this length word. A pad's word is too large, and no record may follow a broken rule.
  bool is_record(std::uint32_t word, std::uint64_t contiguous) const noexcept {
    return word - kMinRecord < lengths_ && word <= contiguous;
  }
  /// The same as read(), but also behind pads.
  std::span<const std::byte> read_elsewhere(std::uint64_t& position) noexcept;
  bool note_broken() noexcept {
    lengths_ = 0;
    return false;
  }
  Positions* positions_;  // constant after construction
  std::byte* memory_;     // constant after construction
  std::size_t capacity_;  // constant after construction
  std::size_t release_step_;
  std::uint64_t head_ = 0;
  std::uint64_t head_published_ = 0;
  std::uint64_t tail_seen_ = 0;
  std::size_t front_bytes_ = 0;
  std::uint32_t lengths_;  // how many lengths a record may have, from kMinRecord on; 0: the producer broke the rules
};

}  // namespace coproc::inline v0::ring
