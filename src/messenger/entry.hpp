// A message that was drained from a link: its header's fields, its bytes and its loans.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: a payload's bytes are in `small_` or in `large_`, as `is_large_` says. An entry of a pool is either out,
// owned by an EntryPtr, or in the pool's free list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "coproc/detail/buffer.hpp"
#include "coproc/detail/loan.hpp"
#include "coproc/priority.hpp"
#include "link/frame.hpp"

namespace coproc::inline v0::detail {

/// The bytes of a message. Up to `kSmall` bytes need no memory block of their own.
class Payload {
 public:
  static constexpr std::size_t kSmall = 96;

  void reserve(std::size_t capacity) {
    // The inbox counts only the bytes of the message. A kept block that is far larger would be memory that no limit
    // counts.
    if (!is_large_ && large_.capacity() > 2 * capacity) large_ = Buffer();
    if (!is_large_ && capacity <= kSmall) return;
    large_.reserve(capacity);
    if (is_large_) return;
    large_.append(small_, size_);
    is_large_ = true;
  }
  /// The values of new bytes are indeterminate.
  void resize_uninitialized(std::size_t size) {
    reserve(size);
    is_large_ ? large_.resize_uninitialized(size) : static_cast<void>(size_ = size);
  }
  void append(const void* data, std::size_t bytes) {
    if (!is_large_ && bytes > kSmall - size_) reserve(size_ + bytes);
    if (is_large_) return large_.append(data, bytes);
    if (bytes != 0) std::memcpy(small_ + size_, data, bytes);
    size_ += bytes;
  }
  /// Makes it empty. A memory block of at most `kept` bytes is kept for the next message.
  void clear(std::size_t kept) noexcept {
    size_ = 0;
    is_large_ = false;
    large_.clear();
    if (large_.capacity() > kept) large_ = Buffer();
  }
  /// The size of its memory block in bytes, also if the block is not in use; 0 if it has none.
  std::size_t capacity() const noexcept { return large_.capacity(); }
  /// Takes back the bytes that `take` returned. REQUIRES: size() is 0.
  void put_back(Buffer&& bytes) noexcept {
    large_ = std::move(bytes);
    is_large_ = true;
  }
  /// Moves the bytes out, for a caller that keeps them longer than the entry. Small payloads are copied.
  Buffer take() {
    if (!is_large_) {
      Buffer copy;
      copy.append(small_, size_);
      return copy;
    }
    is_large_ = false;
    size_ = 0;
    return std::move(large_);
  }

  std::byte* data() noexcept { return is_large_ ? large_.data() : small_; }
  std::size_t size() const noexcept { return is_large_ ? large_.size() : size_; }
  std::span<const std::byte> span() const noexcept { return {is_large_ ? large_.data() : small_, size()}; }

 private:
  Buffer large_;
  std::size_t size_ = 0;  // the number of bytes in small_; 0 if is_large_
  bool is_large_ = false;
  std::byte small_[kSmall];
};

class EntryPool;

struct Entry {
  link::FrameKind kind = link::FrameKind::message;
  bool is_dead = false;
  bool is_pinned = false;     // EntryPtr does not return it to the pool
  std::uint32_t channel = 0;  // Channel::index
  std::uint32_t type = 0;     // the peer's number of the type; 0: none
  std::uint64_t request_id = 0;
  std::uint64_t sequence = 0;  // position in the order of arrival on this link
  Priority priority;
  Payload payload;
  std::vector<std::shared_ptr<LoanHold>> loans;  // the loans that the payload refers to
  std::size_t loan_cost = 0;                     // how much the loans count in the inbox, in bytes
  EntryPool* pool = nullptr;                     // the pool that owns it; constant
  Entry* next_free = nullptr;                    // in the pool's free list

  std::size_t cost() const noexcept { return payload.size() + loan_cost; }
  bool is_reply() const noexcept { return kind == link::FrameKind::reply || kind == link::FrameKind::error_reply; }
};

struct ReturnToPool {
  void operator()(Entry* entry) const noexcept;
};
using EntryPtr = std::unique_ptr<Entry, ReturnToPool>;

/// Allocates entries. It allocates them in slabs, since a fast sender makes the inbox allocate and free very many of
/// them. When no entry is out any more, all memory but a few slabs is freed. It must outlive its entries.
class EntryPool {
 public:
  EntryPool() noexcept = default;
  EntryPool(const EntryPool&) = delete;
  EntryPool& operator=(const EntryPool&) = delete;

  EntryPtr make() {
    if (free_ == nullptr) add(slabs_.emplace_back(std::make_unique<Entry[]>(kInSlab)).get());
    Entry* const entry = free_;
    free_ = entry->next_free;
    kept_bytes_ -= entry->payload.capacity();
    ++out_;
    return EntryPtr(entry);
  }

 private:
  friend struct ReturnToPool;
  static constexpr std::size_t kInSlab = 64, kKeptSlabs = 16, kKeptPayload = 1024;
  /// The most bytes of payload blocks that free entries keep together. No limit of the inbox counts them.
  static constexpr std::size_t kKeptBytes = std::size_t{256} << 10;

  void add(Entry* slab) noexcept {
    for (std::size_t i = kInSlab; i-- != 0;) {
      slab[i].pool = this;
      slab[i].next_free = free_;
      free_ = &slab[i];
    }
  }
  void release(Entry* entry) noexcept {
    entry->is_dead = false;
    entry->payload.clear(kept_bytes_ < kKeptBytes ? kKeptPayload : 0);
    kept_bytes_ += entry->payload.capacity();
    if (entry->loan_cost != 0) {
      std::vector<std::shared_ptr<LoanHold>>().swap(entry->loans);  // clear() would keep its memory
      entry->loan_cost = 0;
    }
    entry->next_free = free_;
    free_ = entry;
    if (--out_ != 0 || slabs_.size() <= kKeptSlabs) return;
    slabs_.resize(kKeptSlabs);
    free_ = nullptr;
    kept_bytes_ = 0;
    for (auto& slab : slabs_) {
      add(slab.get());
      for (std::size_t i = 0; i < kInSlab; ++i) kept_bytes_ += slab[i].payload.capacity();
    }
  }

  std::vector<std::unique_ptr<Entry[]>> slabs_;
  Entry* free_ = nullptr;
  std::size_t out_ = 0;
  std::size_t kept_bytes_ = 0;  // the payload blocks of all free entries
};

inline void ReturnToPool::operator()(Entry* entry) const noexcept {
  if (!entry->is_pinned) entry->pool->release(entry);
}

}  // namespace coproc::inline v0::detail
