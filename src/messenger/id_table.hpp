// A small hash table from 64-bit ids to values, for ids that are given out in order.
//
// Thread safety: none.
// Invariants: linear probing over a power of two of slots, at most half full; id 0 marks a free slot. Consecutive ids fall
// into consecutive slots, so that look-ups hit at once and stay in the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coproc::inline v0::detail {

template <class Value>
class IdTable {
 public:
  std::size_t size() const noexcept { return size_; }

  void insert(std::uint64_t id, Value value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    place(id, value);
    ++size_;
  }

  Value* find(std::uint64_t id) noexcept {
    if (size_ == 0 || id == 0) return nullptr;
    for (std::size_t i = id & mask();; i = (i + 1) & mask()) {
      if (slots_[i].id == id) return &slots_[i].value;
      if (slots_[i].id == 0) return nullptr;
    }
  }

  bool erase(std::uint64_t id) noexcept {
    Value* value = find(id);
    if (value == nullptr) return false;
    std::size_t hole = id & mask();
    while (slots_[hole].id != id) hole = (hole + 1) & mask();
    // Moves later entries of the same run up, so that no probe ends at the hole too early.
    for (std::size_t i = (hole + 1) & mask(); slots_[i].id != 0; i = (i + 1) & mask()) {
      const std::size_t home = slots_[i].id & mask();
      if (((i - home) & mask()) >= ((i - hole) & mask())) {
        slots_[hole] = slots_[i];
        hole = i;
      }
    }
    slots_[hole].id = 0;
    --size_;
    return true;
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    Value value{};
  };
  std::size_t mask() const noexcept { return slots_.size() - 1; }
  void place(std::uint64_t id, Value value) noexcept {
    std::size_t i = id & mask();
    while (slots_[i].id != 0) i = (i + 1) & mask();
    slots_[i] = {id, value};
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id != 0) place(slot.id, slot.value);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace coproc::inline v0::detail
