// A queue for each key, which is made when it is needed and released when it is empty: the base of MultiQueue and
// PriorityMultiQueue, with all that they share.
//
// Thread safety: none; one thread at a time.
// Invariants: every queue in `queues_` holds at least one value; `size_` is the sum of their sizes.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>

#include "coproc/detail/spare_nodes.hpp"
#include "coproc/queue_empty_error.hpp"

namespace coproc::inline v0::detail {

/// `Queue` has front, get, size, empty and clear.
template <class Key, class Queue, class Hash>
class KeyedQueues {
 public:
  KeyedQueues() = default;
  KeyedQueues(KeyedQueues&& other) { swap(other); }
  KeyedQueues& operator=(KeyedQueues&& other) {
    KeyedQueues(std::move(other)).swap(*this);
    return *this;
  }

  /// Calls `fill` with the queue of the key, to put one value into it. If it throws, everything is unchanged.
  template <class Fill>
  void put(const Key& key, Fill&& fill) {
    auto at = queues_.find(key);
    if (at == queues_.end()) at = spares_.insert(queues_, key);
    try {
      fill(at->second);
    } catch (...) {
      give_back_if_empty(at);
      throw;
    }
    ++size_;
  }

  /// The queue of the key. Throws QueueEmptyError if the key has no value.
  const Queue& at(const Key& key) const {
    const auto at = queues_.find(key);
    if (at == queues_.end()) throw_empty();
    return at->second;
  }
  /// The value that `get(key)` would return. Throws QueueEmptyError if the key has none.
  const auto& front(const Key& key) const { return at(key).front(); }

  /// Takes out the front value of the key. Throws QueueEmptyError if the key has none.
  auto get(const Key& key) {
    const auto at = queues_.find(key);
    if (at == queues_.end()) throw_empty();
    auto value = at->second.get();
    --size_;
    give_back_if_empty(at);
    return value;
  }
  /// The same, but returns nullopt if the key has no value.
  auto try_get(const Key& key) {
    using Value = decltype(get(key));
    return size(key) == 0 ? std::optional<Value>() : std::optional<Value>(get(key));
  }

  /// The number of values of this key, and of all keys.
  std::size_t size(const Key& key) const {
    const auto at = queues_.find(key);
    return at == queues_.end() ? 0 : at->second.size();
  }
  std::size_t size() const noexcept { return size_; }
  bool empty(const Key& key) const { return size(key) == 0; }
  bool empty() const noexcept { return size() == 0; }
  /// The number of keys that have values.
  std::size_t key_count() const noexcept { return queues_.size(); }

  void clear(const Key& key) {
    const auto at = queues_.find(key);
    if (at == queues_.end()) return;
    size_ -= at->second.size();
    at->second.clear();
    give_back_if_empty(at);
  }
  void clear() noexcept {
    queues_.clear();
    size_ = 0;
  }

  void swap(KeyedQueues& other) {
    queues_.swap(other.queues_);
    spares_.swap(other.spares_);
    std::swap(size_, other.size_);
  }

 private:
  using Queues = std::unordered_map<Key, Queue, Hash>;

  [[noreturn]] static void throw_empty() {
    throw QueueEmptyError(
        "a queue was asked for a value of a key that has none: ask size(key) first, or use try_get(key)");
  }

  void give_back_if_empty(typename Queues::iterator at) noexcept {
    if (at->second.empty()) spares_.take_out(queues_, at);
  }

  Queues queues_;
  SpareNodes<Queues> spares_;
  std::size_t size_ = 0;
};

}  // namespace coproc::inline v0::detail
