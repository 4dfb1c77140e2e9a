// A growable array of bytes, which does not zero new bytes.
//
// Thread safety: a value.
// Invariants: size_ <= capacity_; data_ is null exactly while capacity_ is 0.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "coproc/detail/large_block.hpp"

namespace coproc::inline v0::detail {

class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Buffer() { std::free(data_); }

  /// Makes the capacity at least `capacity`. If the buffer has to grow, the capacity is exactly that afterwards.
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    // Large blocks are remapped, not copied.
    void* grown = data_ == nullptr ? std::malloc(capacity) : std::realloc(data_, capacity);
    if (grown == nullptr) throw std::bad_alloc();
    data_ = static_cast<std::byte*>(grown);
    if (capacity >= kLargeBlock) prefer_huge_pages(data_, capacity);
    capacity_ = capacity;
  }
  /// New bytes are not initialised.
  void resize_uninitialized(std::size_t size) {
    reserve(size);
    size_ = size;
  }
  void append(const void* data, std::size_t size) {
    if (size == 0) return;
    if (size > capacity_ - size_) {
      if (size > static_cast<std::size_t>(-1) / 4 - size_) throw std::bad_alloc();
      const std::size_t doubled = capacity_ * 2;
      reserve(size_ + size > doubled ? size_ + size : doubled);
    }
    std::memcpy(data_ + size_, data, size);
    size_ += size;
  }
  /// Empties the buffer and keeps its memory.
  void clear() noexcept { size_ = 0; }

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  std::span<std::byte> span() noexcept { return {data_, size_}; }
  std::span<const std::byte> span() const noexcept { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace coproc::inline v0::detail
