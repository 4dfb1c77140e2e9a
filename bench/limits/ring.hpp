// The least that a ring in shared memory can do: one producer, one consumer, fixed slots, and 64 KiB, like a
// messenger's ring.
//
// It has no framing, no types, no sleeping, and no checks of the peer: a messenger's costs are to be compared with
// this. The consumer publishes its index seldom (so that the producer does not lose the cache line at each slot), and
// the producer when it is told to.
//
// Thread safety: push and publish by one side, pop by the other.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "shared.hpp"

namespace bench {

/// For payloads of this size. Large ones are sent in pieces of 16 KiB.
template <std::size_t Size>
class Ring {
 public:
  void push(const void* payload) noexcept {
    for (std::size_t piece = 0; piece < kPieces; ++piece, ++tail_) {
      if (piece != 0) publish();  // the consumer begins with the first piece while this side copies the next
      if (tail_ - known_head_ == kSlots) {
        publish();
        spin_while([&] { return tail_ - (known_head_ = shared_head_.load(std::memory_order_acquire)) == kSlots; });
      }
      std::memcpy(slots_[tail_ % kSlots], static_cast<const char*>(payload) + piece * kSlot, kSlot);
    }
  }
  void publish() noexcept { shared_tail_.store(tail_, std::memory_order_release); }  // pairs with the acquire in pop

  void pop(void* payload) noexcept {
    for (std::size_t piece = 0; piece < kPieces; ++piece, ++head_) {
      if (head_ == known_tail_) {
        give_back();
        spin_while([&] { return head_ == (known_tail_ = shared_tail_.load(std::memory_order_acquire)); });
      } else if (head_ - given_back_ >= kSlots / 4) {
        give_back();
      }
      std::memcpy(static_cast<char*>(payload) + piece * kSlot, slots_[head_ % kSlots], kSlot);
    }
  }

 private:
  static constexpr std::size_t kSlot = std::min<std::size_t>(Size, 16384);
  static constexpr std::size_t kSlots = 65536 / kSlot;
  static constexpr std::size_t kPieces = Size / kSlot;

  void give_back() noexcept {
    given_back_ = head_;
    shared_head_.store(head_, std::memory_order_release);  // pairs with the acquire in push
  }

  alignas(128) std::atomic<std::uint64_t> shared_tail_{0};
  alignas(128) std::uint64_t tail_ = 0;  // the producer's
  std::uint64_t known_head_ = 0;
  alignas(128) std::atomic<std::uint64_t> shared_head_{0};
  alignas(128) std::uint64_t head_ = 0;  // the consumer's
  std::uint64_t known_tail_ = 0, given_back_ = 0;
  alignas(128) char slots_[kSlots][kSlot] = {};
};

}  // namespace bench
