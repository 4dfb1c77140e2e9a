// A priority queue for each key.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>

#include "coproc/priority.hpp"
#include "coproc/priority_queue.hpp"
#include "coproc/queues/keyed_queues.hpp"

namespace coproc::inline v0 {

/// Values with keys and priorities. The values of each key are kept in the order of their priorities: lower ones first,
/// equal ones in the order in which they were put. A key without values takes no memory. T may be move-only.
///
/// Thread safety: none; one thread at a time.
template <class Key, class T, class Hash = std::hash<Key>>
class PriorityMultiQueue {
 public:
  /// Throws InvalidArgumentError for a priority that is NaN. If it throws, the queue is unchanged.
  void put(T value, const Key& key, Priority priority = {}) {
    queues_.put(key, [&](PriorityQueue<T>& queue) { queue.put(std::move(value), priority); });
  }

  /// The value that `get(key)` would return, and its priority. Both throw QueueEmptyError.
  const T& front(const Key& key) const { return queues_.at(key).front(); }
  Priority front_priority(const Key& key) const { return queues_.at(key).front_priority(); }

  /// Takes out the value of this key with the lowest priority; of equal ones, the one that was put first. Throws
  /// QueueEmptyError if the key has none.
  T get(const Key& key) {
    return queues_.get(key, [](PriorityQueue<T>& queue) { return queue.get(); });
  }

  /// The same, but returns nullopt if the key has no value.
  std::optional<T> try_get(const Key& key) {
    if (queues_.size(key) == 0) return std::nullopt;
    return get(key);
  }

  /// The number of values of this key, and of all keys.
  std::size_t size(const Key& key) const { return queues_.size(key); }
  std::size_t size() const noexcept { return queues_.size(); }
  bool empty(const Key& key) const { return size(key) == 0; }
  bool empty() const noexcept { return size() == 0; }
  /// The number of keys that have values.
  std::size_t key_count() const noexcept { return queues_.key_count(); }

  void clear(const Key& key) { queues_.clear(key); }
  void clear() noexcept { queues_.clear(); }

 private:
  detail::KeyedQueues<Key, PriorityQueue<T>, Hash> queues_;
};

}  // namespace coproc::inline v0
