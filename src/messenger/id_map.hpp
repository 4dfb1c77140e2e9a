// Values by 64-bit ids of requests, which mostly come one after the other and are taken out about as they came.
//
// Thread safety: none. Invariants: a value is either in the window or in the table. The window holds ids of [first_,
// last_), each in the slot of its low bits; last_ - first_ is at most the number of slots; all other slots are empty.
// While ids are dense it is an array; what is left behind, or comes out of all order (a peer chooses its ids as it
// likes), is in the table, whose ids may also lie between those of the window.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "messenger/id_table.hpp"

namespace coproc::inline v0::detail {

/// `kNone`: a value that is never stored.
template <class Value, Value kNone>
class IdMap {
 public:
  std::size_t size() const noexcept { return live_ + table_.size(); }

  /// REQUIRES: the id is not there, and not 0.
  void insert(std::uint64_t id, Value value) {
    if (live_ == 0) first_ = last_ = id;
    if (id < first_) return table_.insert(id, value);
    if (id - first_ >= allowed_span()) {
      leave_behind();
      first_ = last_ = id;
    }
    if (id - first_ >= slots_.size()) grow(id - first_ + 1);
    slot(id) = value;
    if (!is_in_window(id)) last_ = id + 1;
    ++live_;
  }

  Value* find(std::uint64_t id) noexcept {
    if (is_in_window(id) && slot(id) != kNone) return &slot(id);
    return table_.find(id);
  }

  bool erase(std::uint64_t id) noexcept {
    if (!is_in_window(id) || slot(id) == kNone) return table_.erase(id);
    slot(id) = kNone;
    if (--live_ == 0) {
      first_ = last_ = 0;
      if (slots_.size() > kKeptSlots) slots_ = {};
    }
    while (first_ != last_ && slot(first_) == kNone) ++first_;
    return true;
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint64_t id = first_; id != last_; ++id) {
      const Value& value = slots_[id & (slots_.size() - 1)];
      if (value != kNone) visit(id, value);
    }
    table_.for_each(visit);
  }

 private:
  static constexpr std::size_t kKeptSlots = std::size_t{1} << 16;

  bool is_in_window(std::uint64_t id) const noexcept { return id - first_ < last_ - first_; }
  Value& slot(std::uint64_t id) noexcept { return slots_[id & (slots_.size() - 1)]; }
  /// So the window takes a few times the memory of what is in it, at most.
  std::uint64_t allowed_span() const noexcept { return std::max<std::uint64_t>(256, 4 * live_); }

  void leave_behind() {
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
    std::vector<Value> old(count, kNone);
    old.swap(slots_);
    for (std::uint64_t id = first_; id != last_; ++id) slot(id) = old[id & (old.size() - 1)];
  }

  std::vector<Value> slots_;  // a power of two of them
  std::uint64_t first_ = 0, last_ = 0;
  std::size_t live_ = 0;  // values in the window
  IdTable<Value> table_;
};

}  // namespace coproc::inline v0::detail
