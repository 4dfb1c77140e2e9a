// A first-in, first-out queue for each key.
#pragma once

#include <functional>
#include <utility>

#include "coproc/detail/fifo.hpp"
#include "coproc/queues/keyed_queues.hpp"

namespace coproc::inline v0 {

/// Values with keys. The values of each key are kept in the order in which they were put. A key without values takes no
/// memory. T may be move-only.
///
/// Thread safety: none; one thread at a time.
template <class Key, class T, class Hash = std::hash<Key>>
class MultiQueue : detail::KeyedQueues<Key, detail::Fifo<T>, Hash> {
  using Queues = detail::KeyedQueues<Key, detail::Fifo<T>, Hash>;

 public:
  /// If it throws, the queue is unchanged.
  void put(T value, const Key& key) {
    Queues::put(key, [&](detail::Fifo<T>& queue) { queue.push_back(std::move(value)); });
  }

  /// `front(key)`: the value that `get(key)` would return. Throws QueueEmptyError.
  using Queues::front;
  /// `get(key)`: takes out the value of this key that was put first. Throws QueueEmptyError if the key has none.
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
