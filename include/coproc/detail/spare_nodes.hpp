// A few unused nodes of a std::map or std::unordered_map, which are kept for the next insertions.
//
// Thread safety: none; one thread at a time.
// Invariants: the first `count_` nodes are full, the others are empty.
#pragma once

#include <cstddef>
#include <utility>

namespace coproc::inline v0::detail {

template <class Map, std::size_t kMost = 8>
class SpareNodes {
 public:
  SpareNodes() noexcept = default;

  /// Takes an element out of the map and keeps its node, or frees it if there are enough nodes.
  void take_out(Map& map, typename Map::iterator at) noexcept {
    if (count_ < kMost) {
      nodes_[count_++] = map.extract(at);
    } else {
      map.erase(at);
    }
  }

  /// Inserts an element for a key that is not in the map yet. Its value is new, or it is the value that a kept node
  /// had.
  template <class Key>
  typename Map::iterator insert(Map& map, const Key& key) {
    if (count_ == 0) return map.try_emplace(key).first;
    nodes_[count_ - 1].key() = key;
    const auto at = map.insert(std::move(nodes_[count_ - 1])).position;
    --count_;
    return at;
  }

  void swap(SpareNodes& other) noexcept {
    for (std::size_t i = 0; i != kMost; ++i) nodes_[i].swap(other.nodes_[i]);
    std::swap(count_, other.count_);
  }

 private:
  typename Map::node_type nodes_[kMost] = {};
  std::size_t count_ = 0;
};

}  // namespace coproc::inline v0::detail
