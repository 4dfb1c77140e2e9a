// A queue that returns lower priorities first and equal ones in the order in which they were put.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "coproc/detail/fifo.hpp"
#include "coproc/detail/spare_nodes.hpp"
#include "coproc/errors.hpp"
#include "coproc/priority.hpp"
#include "coproc/queue_empty_error.hpp"

namespace coproc::inline v0 {

/// Values in the order of their priorities. With n different priorities in the queue, put and get take O(log n), and
/// O(1) while the priority stays the same. T may be move-only.
///
/// Thread safety: none; one thread at a time.
/// Invariants: every bucket holds at least one value, except that an empty queue may keep one empty bucket; so a queue
/// that alternates between none and one value never changes the map. `last_` is null or points to a bucket in the map.
template <class T>
class PriorityQueue {
 public:
  PriorityQueue() noexcept = default;
  PriorityQueue(PriorityQueue&& other) noexcept { swap(other); }
  PriorityQueue& operator=(PriorityQueue&& other) noexcept {
    PriorityQueue(std::move(other)).swap(*this);
    return *this;
  }

  /// Throws InvalidArgumentError for a priority that is NaN, which has no place in any order. If it throws, the queue
  /// is unchanged.
  void put(T value, Priority priority = {}) {
    put_by(priority, [&](detail::Fifo<T>& equals) { equals.push_back(std::move(value)); });
  }

  /// The same, but it is returned before all others of its priority: for a value that was taken out and is put back.
  void put_first(T value, Priority priority = {}) {
    put_by(priority, [&](detail::Fifo<T>& equals) { equals.push_front(std::move(value)); });
  }

  /// The value that `get` would return, and its priority. Both throw QueueEmptyError.
  const T& front() const { return first().second.front(); }
  Priority front_priority() const { return first().first; }

  /// Takes out the value with the lowest priority; of equal ones, the one that was put first. Throws QueueEmptyError.
  T get() {
    T value = std::move(first().second.front());
    pop_front();
    return value;
  }

  /// The same, but returns nullopt if the queue is empty.
  std::optional<T> try_get() {
    if (empty()) return std::nullopt;
    return get();
  }

  /// Removes every value for which `is_unwanted(const T&)` returns true. The others keep their order, even if it
  /// throws.
  template <class Predicate>
  void erase_if(Predicate is_unwanted) {
    for (auto at = buckets_.begin(); at != buckets_.end();) {
      const auto here = at++;
      const std::size_t before = here->second.size();
      try {
        here->second.erase_if(is_unwanted);
      } catch (...) {
        settle(here, before);
        throw;
      }
      settle(here, before);
    }
  }

  void clear() noexcept {
    while (!buckets_.empty()) {
      buckets_.begin()->second.clear();
      give_back(buckets_.begin());
    }
    size_ = 0;
  }

  void swap(PriorityQueue& other) noexcept {
    buckets_.swap(other.buckets_);
    spares_.swap(other.spares_);
    std::swap(last_, other.last_);  // elements of a map stay where they are when maps are swapped
    std::swap(size_, other.size_);
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

 private:
  using Buckets = std::map<Priority, detail::Fifo<T>>;
  using Bucket = typename Buckets::value_type;

  template <class Push>
  void put_by(Priority priority, Push push) {
    if (priority.is_nan()) {
      throw InvalidArgumentError(
          "the priority of a value put into a PriorityQueue is NaN, which is neither lower nor "
          "higher than any other: give a number");
    }
    if (last_ == nullptr || last_->first != priority) last_ = &bucket_of(priority);
    try {
      push(last_->second);
    } catch (...) {
      if (last_->second.empty()) give_back(buckets_.find(priority));
      throw;
    }
    ++size_;
  }

  Bucket& bucket_of(Priority priority) {
    if (size_ == 0 && !buckets_.empty()) {
      if (buckets_.begin()->first == priority) return *buckets_.begin();
      give_back(buckets_.begin());
    }
    auto at = buckets_.find(priority);
    if (at == buckets_.end()) at = spares_.insert(buckets_, priority);
    return *at;
  }

  Bucket& first() {
    if (empty()) throw_empty();
    return *buckets_.begin();
  }
  const Bucket& first() const {
    if (empty()) throw_empty();
    return *buckets_.begin();
  }
  [[noreturn]] static void throw_empty() {
    throw QueueEmptyError("a PriorityQueue was asked for a value and is empty: ask empty() first, or use try_get()");
  }

  void pop_front() noexcept {
    const auto at = buckets_.begin();
    at->second.pop_front();
    --size_;
    if (at->second.empty() && size_ != 0) give_back(at);
  }

  void settle(typename Buckets::iterator at, std::size_t before) noexcept {
    size_ -= before - at->second.size();
    if (at->second.empty()) give_back(at);
  }

  void give_back(typename Buckets::iterator at) noexcept {
    if (last_ == &*at) last_ = nullptr;
    spares_.take_out(buckets_, at);
  }

  Buckets buckets_;
  detail::SpareNodes<Buckets> spares_;
  Bucket* last_ = nullptr;  // the bucket of the last put, since the same priority is used again and again
  std::size_t size_ = 0;
};

}  // namespace coproc::inline v0
