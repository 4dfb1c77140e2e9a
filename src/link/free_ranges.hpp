// The free ranges of a space, in whole pages. Neighbouring ranges are merged.
//
// Thread safety: none.
// Invariants: no two ranges overlap or touch; both indices hold the same ranges.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace coproc::inline v0::link {

class FreeRanges {
 public:
  explicit FreeRanges(std::uint64_t pages) {
    if (pages != 0) insert(0, pages);
  }

  /// Takes so many pages out of the smallest range that holds them, and returns the first; nullopt: no range does. If
  /// it throws std::bad_alloc, nothing has changed.
  std::optional<std::uint64_t> take(std::uint64_t pages) {
    const auto at = by_size_.lower_bound({pages, 0});
    if (at == by_size_.end()) return std::nullopt;
    const auto [size, first] = *at;
    if (size != pages) insert(first + pages, size - pages);
    erase(first, size);
    return first;
  }

  /// Frees pages. REQUIRES: they were taken. If it throws std::bad_alloc, they stay taken.
  void give(std::uint64_t first, std::uint64_t pages) {
    std::uint64_t begin = first, end = first + pages;
    const auto after = by_place_.lower_bound(first);
    std::optional<Range> left, right;
    if (after != by_place_.end() && after->first == end) right = *after;
    if (after != by_place_.begin() && std::prev(after)->first + std::prev(after)->second == first)
      left = *std::prev(after);
    if (left) begin = left->first;
    if (right) end += right->second;
    const auto in_order = by_size_.emplace(end - begin, begin).first;
    try {
      by_place_[begin] = end - begin;  // a free neighbour on the left grows
    } catch (...) {
      by_size_.erase(in_order);
      throw;
    }
    if (left) by_size_.erase({left->second, left->first});
    if (right) erase(right->first, right->second);
  }

 private:
  using Range = std::pair<std::uint64_t, std::uint64_t>;  // first page, pages

  void insert(std::uint64_t first, std::uint64_t pages) {
    const auto at = by_size_.emplace(pages, first).first;
    try {
      by_place_.emplace(first, pages);
    } catch (...) {
      by_size_.erase(at);
      throw;
    }
  }
  void erase(std::uint64_t first, std::uint64_t pages) noexcept {
    by_place_.erase(first);
    by_size_.erase({pages, first});
  }

  std::map<std::uint64_t, std::uint64_t> by_place_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;
};

}  // namespace coproc::inline v0::link
