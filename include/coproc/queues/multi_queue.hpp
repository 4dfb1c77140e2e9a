// A first-in, first-out queue for each key.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>

#include "coproc/detail/fifo.hpp"
#include "coproc/queues/keyed_queues.hpp"

namespace coproc::inline v0 {

/// Values with keys. The values of each key are kept in the order in which they were put. A key without values takes no
/// memory. T may be move-only.
///
/// Thread safety: none; one thread at a time.
template <class Key, class T, class Hash = std::hash<Key>>
class MultiQueue {
 public:
  /// If it throws, the queue is unchanged.
  void put(T value, const Key& key) {
    queues_.put(key, [&](Queue& queue) { queue.push_back(std::move(value)); });
  }

  /// The value that `get(key)` would return. Throws QueueEmptyError.
  const T& front(const Key& key) const { return queues_.at(key).front(); }

  /// Takes out the value of this key that was put first. Throws QueueEmptyError if the key has none.
  T get(const Key& key) {
    return queues_.get(key, [](Queue& queue) {
      T value = std::move(queue.front());
      queue.pop_front();
      return value;
    });
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
  using Queue = detail::Fifo<T>;

  detail::KeyedQueues<Key, Queue, Hash> queues_;
};

}  // namespace coproc::inline v0
