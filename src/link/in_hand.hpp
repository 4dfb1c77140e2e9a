// The words by which a worker tells its host which requests it has in hand: those that were returned to its target and
// that it has not answered yet. The host looks at them when the worker has ended, to know which ones may have ended it.
//
// Security considerations: the worker can write anything there. What it says decides only how often its own requests
// are sent again: ids of other requests have no effect.
//
// Thread safety: InHandTeller: one thread at a time. `look_in_hand`: any thread.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coproc::inline v0::link {

inline constexpr std::size_t kInHandSlots = 64;

/// Written by end 1, and only if end 0 has asked for it (SideWords::asks_in_hand). All accesses are relaxed: whoever
/// reads them knows that the writer's process has ended, or compares what it finds with what it found before.
struct InHandWords {
  std::atomic<std::uint32_t> tells;                          // 1: the worker keeps the other words
  std::atomic<std::uint32_t> untold;                         // how many requests in hand have found no free slot
  std::atomic<std::uint64_t> decoding;                       // the request that is being decoded, or was last
  std::array<std::atomic<std::uint64_t>, kInHandSlots> ids;  // 0: a free slot
};
static_assert(sizeof(InHandWords) == 528 && std::atomic<std::uint64_t>::is_always_lock_free);

/// The worker's side.
/// Invariants: a bit of `free_` is set exactly if that slot's id is 0.
class InHandTeller {
 public:
  /// A value that stands for no slot.
  static constexpr std::uint32_t kNoSlot = kInHandSlots;

  explicit InHandTeller(InHandWords& words) noexcept : words_(words) {
    words_.tells.store(1, std::memory_order_relaxed);
  }

  /// This request is in hand from now on. Returns its slot, or kNoSlot.
  std::uint32_t add(std::uint64_t id) noexcept {
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(free_));
    if (slot == kNoSlot) {
      words_.untold.store(++untold_, std::memory_order_relaxed);
    } else {
      free_ &= free_ - 1;
      words_.ids[slot].store(id, std::memory_order_relaxed);
    }
    return slot;
  }
  /// The request with this slot is not in hand any more.
  void remove(std::uint32_t slot) noexcept {
    if (slot == kNoSlot) {
      words_.untold.store(--untold_, std::memory_order_relaxed);
    } else {
      free_ |= std::uint64_t{1} << slot;
      words_.ids[slot].store(0, std::memory_order_relaxed);
    }
  }
  /// This request is going to be decoded, by code that may end the worker. It counts as in hand until the next one is.
  void note_decoding(std::uint64_t id) noexcept { words_.decoding.store(id, std::memory_order_relaxed); }

 private:
  InHandWords& words_;
  std::uint64_t free_ = ~std::uint64_t{0};
  std::uint32_t untold_ = 0;
};

/// What a worker that has ended had in hand, as it says.
struct InHand {
  bool is_all = false;             // it does not say which
  std::vector<std::uint64_t> ids;  // sorted

  bool holds(std::uint64_t id) const noexcept { return is_all || std::binary_search(ids.begin(), ids.end(), id); }
};

inline InHand look_in_hand(const InHandWords& words) {
  const bool tells = words.tells.load(std::memory_order_relaxed) == 1;
  if (!tells || words.untold.load(std::memory_order_relaxed) != 0) return {true, {}};
  InHand in_hand{false, {words.decoding.load(std::memory_order_relaxed)}};
  for (const auto& id : words.ids) in_hand.ids.push_back(id.load(std::memory_order_relaxed));
  std::sort(in_hand.ids.begin(), in_hand.ids.end());
  return in_hand;
}

/// The ids that are in the slots of a worker that lives.
inline void look_at_slots(const InHandWords& words, std::vector<std::uint64_t>& ids) {
  ids.clear();
  for (const auto& slot : words.ids) {
    if (const std::uint64_t id = slot.load(std::memory_order_relaxed); id != 0) ids.push_back(id);
  }
}

}  // namespace coproc::inline v0::link
