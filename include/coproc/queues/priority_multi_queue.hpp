// A priority queue for each key.
#pragma once

#include <functional>
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
class PriorityMultiQueue : detail::KeyedQueues<Key, PriorityQueue<T>, Hash> {
  using Queues = detail::KeyedQueues<Key, PriorityQueue<T>, Hash>;

 public:
  /// Throws InvalidArgumentError for a priority that is NaN. If it throws, the queue is unchanged.
  void put(T value, const Key& key, Priority priority = {}) {
    Queues::put(key, [&](PriorityQueue<T>& queue) { queue.put(std::move(value), priority); });
  }

  /// `front(key)`: the value that `get(key)` would return. Throws QueueEmptyError.
  using Queues::front;
  /// The priority of that value. Throws QueueEmptyError.
  Priority front_priority(const Key& key) const { return Queues::at(key).front_priority(); }
  /// `get(key)`: takes out the value of this key with the lowest priority; of equal ones, the one that was put first.
  /// Throws QueueEmptyError if the key has none.
  using Queues::get;
  /// `try_get(key)`: the same, but returns nullopt if the key has no value.
  using Queues::try_get;

  /// `size(key)`, `empty(key)` and `clear(key)`: for the values of this key. Without a key: for the values of all keys.
  using Queues::clear;
  using Queues::empty;
  using Queues::size;
  /// `key_count()`: the number of keys that have values.
  using Queues::key_count;
};

}  // namespace coproc::inline v0
