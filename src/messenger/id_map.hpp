// A map from 64-bit ids of requests to values. It is fast for ids that are inserted in rising order and erased in about
// the same order.
//
// Thread safety: none; one thread at a time.
// Invariants: a value is either in the window or in the table. The window is an array of the ids in [first_, last_).
// Each id's slot is given by its low bits, and last_ - first_ is at most the number of slots. All other slots hold
// kNone. Ids that do not fit into the window are in the table: those that remained when the window moved on, and those
// far away, since a peer chooses its ids as it likes. An id of the table may also be in the range of the window.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "messenger/id_table.hpp"

namespace coproc::inline v0::detail {

/// `kNone`: a value that is never inserted; it marks empty slots.
template <class Value, Value kNone>
class IdMap {
 public:
  std::size_t size() const noexcept { return live_ + table_.size(); }

  /// REQUIRES: the id is not in the map, and not 0.
  void insert(std::uint64_t id, Value value) {
    if (live_ == 0) first_ = last_ = id;
    if (id != last_ || id - first_ >= slots_.size()) return insert_out_of_turn(id, value);
    slot(id) = value;
    ++last_;
    ++live_;
  }

  /// Inserts the ids from `first` on, all with this value. If it throws, the map is unchanged. REQUIRES: as insert().
  void insert_run(std::uint64_t first, std::size_t count, Value value) {
    if (live_ == 0) first_ = last_ = first;
    if (first == last_ && first - first_ + count <= slots_.size()) {
      for (std::size_t i = 0; i != count; ++i) slot(first + i) = value;
      last_ += count;
      live_ += count;
      return;
    }
    std::uint64_t id = first;
    try {
      for (; id != first + count; ++id) insert(id, value);
    } catch (...) {
      while (id != first) erase(--id);
      throw;
    }
  }

  Value* find(std::uint64_t id) noexcept {
    if (is_in_window(id) && slot(id) != kNone) return &slot(id);
    return table_.find(id);
  }

  bool erase(std::uint64_t id) noexcept {
    if (!is_in_window(id) || slot(id) == kNone) return table_.erase(id);
    slot(id) = kNone;
    if (--live_ != 0) {
      while (slot(first_) == kNone) ++first_;  // ends, since a value is left
    } else {
      first_ = last_;
      if (slots_.size() > kKeptSlots) set_slots({});
    }
    return true;
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint64_t id = first_; id != last_; ++id) {
      const Value& value = slots_[id & mask_];
      if (value != kNone) visit(id, value);
    }
    table_.for_each(visit);
  }

 private:
  static constexpr std::size_t kKeptSlots = std::size_t{1} << 16;
  static constexpr std::uint64_t kLeastSpan = 256;  // the limit on the span of a window with few values

  bool is_in_window(std::uint64_t id) const noexcept { return id - first_ < last_ - first_; }
  Value& slot(std::uint64_t id) noexcept { return slots_[id & mask_]; }
  /// Limits the window to a few times the memory of the values in it.
  std::uint64_t max_span() const noexcept { return std::max<std::uint64_t>(kLeastSpan, 4 * live_); }

  [[gnu::noinline]] void insert_out_of_turn(std::uint64_t id, Value value) {
    if (id < first_) return table_.insert(id, value);
    if (id - first_ >= max_span()) {
      move_window_to_table();
      first_ = last_ = id;
    }
    if (id - first_ >= slots_.size()) grow(id - first_ + 1);
    slot(id) = value;
    if (!is_in_window(id)) last_ = id + 1;
    ++live_;
  }

  void move_window_to_table() {
    for (; live_ != 0; ++first_) {
      if (slot(first_) == kNone) continue;
      table_.insert(first_, slot(first_));
      slot(first_) = kNone;
      --live_;
    }
  }
  void grow(std::uint64_t span) {
    std::size_t count = std::max<std::size_t>(16, slots_.size());
    while (count < span) count *= 2;
    std::vector<Value> slots(count, kNone);
    for (std::uint64_t id = first_; id != last_; ++id) slots[id & (count - 1)] = slot(id);
    set_slots(std::move(slots));
  }
  void set_slots(std::vector<Value> slots) noexcept {
    slots_ = std::move(slots);
    mask_ = slots_.size() - 1;
  }

  std::vector<Value> slots_;  // its size is 0 or a power of two
  std::uint64_t mask_ = 0;    // slots_.size() - 1
  std::uint64_t first_ = 0, last_ = 0;
  std::size_t live_ = 0;  // the number of values in the window
  IdTable<Value> table_;
};

}  // namespace coproc::inline v0::detail
