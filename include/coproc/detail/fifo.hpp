// A first-in, first-out queue in one growing ring of memory.
//
// Thread safety: none; one thread at a time.
// Invariants: `capacity_` is 0 or a power of two; the values are at `head_`, `head_ + 1`, ... modulo `capacity_`.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace coproc::inline v0::detail {

/// Unlike std::deque, a new queue has no memory, and in a steady state it allocates nothing. A queue that becomes short
/// or empty again keeps only a little memory, so that one flood of values does not hold its memory for ever.
template <class T>
class Fifo {
 public:
  /// The bytes that an emptied queue keeps at most (or the least capacity, if that takes more).
  static constexpr std::size_t kKeptBytes = 4 * 1024;

  Fifo() noexcept = default;
  Fifo(Fifo&& other) noexcept { swap(other); }
  Fifo& operator=(Fifo&& other) noexcept {
    Fifo(std::move(other)).swap(*this);
    return *this;
  }
  ~Fifo() {
    destroy_all();
    deallocate();
  }

  /// If it throws, the queue is unchanged.
  void push_back(T value) {
    if (size_ == capacity_) {
      grow_and_push<false>(std::move(value));
    } else {
      std::construct_at(slot(size_), std::move(value));
    }
    ++size_;
  }

  /// If it throws, the queue is unchanged.
  void push_front(T value) {
    if (size_ == capacity_) {
      grow_and_push<true>(std::move(value));
    } else {
      std::construct_at(slot(capacity_ - 1), std::move(value));
      head_ = (head_ - 1) & (capacity_ - 1);
    }
    ++size_;
  }

  /// REQUIRES: not empty.
  T& front() noexcept { return slots_[head_]; }
  const T& front() const noexcept { return slots_[head_]; }

  /// REQUIRES: not empty.
  void pop_front() noexcept {
    std::destroy_at(slots_ + head_);
    head_ = (head_ + 1) & (capacity_ - 1);
    if (--size_ <= capacity_ / 8) trim();
  }

  /// Takes out the front. REQUIRES: not empty.
  T get() {
    T value = std::move(front());
    pop_front();
    return value;
  }

  /// REQUIRES: not empty.
  T& back() noexcept { return *slot(size_ - 1); }
  const T& back() const noexcept { return *slot(size_ - 1); }

  /// REQUIRES: not empty.
  void pop_back() noexcept {
    std::destroy_at(slot(size_ - 1));
    if (--size_ <= capacity_ / 8) trim();
  }

  void clear() noexcept {
    destroy_all();
    head_ = size_ = 0;
    trim();
  }

  /// Removes every value for which `is_unwanted` returns true. The others keep their order, even if it throws.
  template <class Predicate>
  void erase_if(Predicate&& is_unwanted) {
    std::size_t to_see = size_;
    try {
      for (; to_see != 0; --to_see) {
        if (is_unwanted(std::as_const(front()))) {
          std::destroy_at(slots_ + head_);
          head_ = (head_ + 1) & (capacity_ - 1);
          --size_;
        } else {
          rotate();
        }
      }
    } catch (...) {
      for (; to_see != 0; --to_see) rotate();
      throw;
    }
    if (size_ <= capacity_ / 8) trim();
  }

  void swap(Fifo& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(capacity_, other.capacity_);
    std::swap(head_, other.head_);
    std::swap(size_, other.size_);
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// The number of values that fit without an allocation.
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  static constexpr std::size_t first_capacity() noexcept {
    std::size_t capacity = 1;
    while (capacity * 2 * sizeof(T) <= 64) capacity *= 2;  // about a cache line: there may be a million such queues
    return capacity;
  }

  T* slot(std::size_t index) const noexcept { return slots_ + ((head_ + index) & (capacity_ - 1)); }

  // The new value is constructed first: if that or a copy throws, nothing in the old ring has changed.
  template <bool kAtFront>
  void grow_and_push(T&& value) {
    const std::size_t capacity = capacity_ == 0 ? first_capacity() : capacity_ * 2;
    const std::size_t new_place = kAtFront ? capacity - 1 : size_;
    std::allocator<T> memory;
    T* const places = memory.allocate(capacity);
    std::size_t made = 0;
    bool has_new = false;
    try {
      std::construct_at(places + new_place, std::move(value));
      has_new = true;
      for (; made != size_; ++made) std::construct_at(places + made, std::move_if_noexcept(*slot(made)));
    } catch (...) {
      std::destroy_n(places, made);
      if (has_new) std::destroy_at(places + new_place);
      memory.deallocate(places, capacity);
      throw;
    }
    destroy_all();
    deallocate();
    slots_ = places;
    capacity_ = capacity;
    head_ = kAtFront ? new_place : 0;
  }

  // Moves the front to the back. In a full ring both are the same place.
  void rotate() {
    if (size_ != capacity_) {
      std::construct_at(slot(size_), std::move(front()));
      std::destroy_at(slots_ + head_);
    }
    head_ = (head_ + 1) & (capacity_ - 1);
  }

  void destroy_all() noexcept {
    for (std::size_t i = 0; i != size_; ++i) std::destroy_at(slot(i));
  }
  void deallocate() noexcept {
    if (slots_ != nullptr) std::allocator<T>().deallocate(slots_, capacity_);
  }
  // It takes as many puts as the memory has places to grow to this size again, so releasing the memory is cheap on
  // average.
  void trim() noexcept {
    if (capacity_ <= first_capacity() || capacity_ * sizeof(T) <= kKeptBytes) return;
    if (size_ == 0) {
      deallocate();
      slots_ = nullptr;
      capacity_ = head_ = 0;
    } else if constexpr (std::is_nothrow_move_constructible_v<T>) {
      shrink();
    }
  }
  void shrink() noexcept {
    const std::size_t capacity = capacity_ / 4;
    T* places = nullptr;
    try {
      places = std::allocator<T>().allocate(capacity);
    } catch (const std::bad_alloc&) {
      return;  // it stays as large as it is
    }
    for (std::size_t i = 0; i != size_; ++i) std::construct_at(places + i, std::move(*slot(i)));
    destroy_all();
    deallocate();
    slots_ = places;
    capacity_ = capacity;
    head_ = 0;
  }

  T* slots_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace coproc::inline v0::detail
