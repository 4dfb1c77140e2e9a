// A hash table from 64-bit ids of requests to values, with linear probing.
//
// Ids are hashed by two multiplications: unhashed, consecutive ids would form one long run of slots, and erasing has to
// walk to the end of its run. One factor is random, since a peer chooses ids and could choose them to collide. It is
// drawn at the first insertion, so that workers that were forked before do not know it.
//
// Thread safety: none; one thread at a time.
// Invariants: the number of slots is 0 or a power of two, and at most half of them are in use. Id 0 marks a free slot.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "os/random.hpp"

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
    for (std::size_t i = home(id);; i = (i + 1) & mask()) {
      if (slots_[i].id == id) return &slots_[i].value;
      if (slots_[i].id == 0) return nullptr;
    }
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.id != 0) visit(slot.id, slot.value);
    }
  }

  bool erase(std::uint64_t id) noexcept {
    Value* value = find(id);
    if (value == nullptr) return false;
    std::size_t hole = home(id);
    while (slots_[hole].id != id) hole = (hole + 1) & mask();
    // Moves later entries of the same run up: a probe for them would otherwise end at the hole.
    for (std::size_t i = (hole + 1) & mask(); slots_[i].id != 0; i = (i + 1) & mask()) {
      if (((i - home(slots_[i].id)) & mask()) >= ((i - hole) & mask())) {
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
  std::size_t home(std::uint64_t id) const noexcept {
    const std::uint64_t scattered = id * factor_;
    return ((scattered ^ (scattered >> 32)) * 0x9e3779b97f4a7c15) >> shift_;
  }
  void place(std::uint64_t id, Value value) noexcept {
    std::size_t i = home(id);
    while (slots_[i].id != 0) i = (i + 1) & mask();
    slots_[i] = {id, value};
  }
  void grow() {
    if (factor_ == 0) factor_ = os::random_number() | 1;
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    shift_ = 64 - std::countr_zero(slots_.size());
    for (const Slot& slot : old) {
      if (slot.id != 0) place(slot.id, slot.value);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  std::uint64_t factor_ = 0;  // odd; constant once drawn
  int shift_ = 0;             // 64 - log2 of the number of slots
};

}  // namespace coproc::inline v0::detail
