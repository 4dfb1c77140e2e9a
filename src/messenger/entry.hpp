// A message that was drained from a link: what came with it, and its bytes.
//
// Thread safety: none; the inbox's.
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

/// Bytes, a few of them without a block of their own.
class Payload {
 public:
  static constexpr std::size_t kSmall = 96;

  void reserve(std::size_t capacity) {
    // A block that was kept and is far larger than what is counted for these bytes would be held uncounted.
    if (!is_large_ && large_.capacity() > 2 * capacity) large_ = Buffer();
    if (!is_large_ && capacity <= kSmall) return;
    large_.reserve(capacity);
    if (is_large_) return;
    large_.append(small_, size_);
    is_large_ = true;
  }
  /// New bytes hold anything.
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
  /// Keeps a block that is not larger than `kept`.
  void clear(std::size_t kept) noexcept {
    size_ = 0;
    is_large_ = false;
    large_.clear();
    if (large_.capacity() > kept) large_ = Buffer();
  }
  /// Of the block that it has, needed or not.
  std::size_t capacity() const noexcept { return large_.capacity(); }
  /// Takes back what `take` gave. REQUIRES: it is empty.
  void put_back(Buffer&& bytes) noexcept {
    large_ = std::move(bytes);
    is_large_ = true;
  }
  /// For who keeps the bytes longer than the entry.
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
  std::size_t size_ = 0;  // of the bytes in small_
  bool is_large_ = false;
  std::byte small_[kSmall];
};

class EntryPool;

struct Entry {
  link::FrameKind kind = link::FrameKind::message;
  bool is_dead = false;
  bool stays = false;         // whatever becomes of a pointer to it
  std::uint32_t channel = 0;  // index into the inbox's channels
  std::uint32_t type = 0;     // number declared by the peer
  std::uint64_t request_id = 0;
  std::uint64_t sequence = 0;  // order of arrival on this link
  Priority priority;
  Payload payload;
  std::vector<std::shared_ptr<LoanHold>> loans;  // that the payload refers to
  std::size_t loan_cost = 0;                     // what these count, in bytes
  EntryPool* pool = nullptr;                     // constant
  Entry* next_free = nullptr;                    // in the pool

  std::size_t cost() const noexcept { return payload.size() + loan_cost; }
  bool is_reply() const noexcept { return kind == link::FrameKind::reply || kind == link::FrameKind::error_reply; }
};

struct GiveBack {
  void operator()(Entry* entry) const noexcept;
};
using EntryPtr = std::unique_ptr<Entry, GiveBack>;

/// Where entries come from: in slabs, since an inbox that a fast sender fills takes and gives back very many of them.
/// Outlives all its entries. What was needed at some time is freed, but for a little, when no entry is out any more.
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
  friend struct GiveBack;
  static constexpr std::size_t kInSlab = 64, kKeptSlabs = 16, kKeptPayload = 1024;
  /// Blocks that entries out of use keep, in all: what they once held counts nowhere.
  static constexpr std::size_t kKeptBytes = std::size_t{256} << 10;

  void add(Entry* slab) noexcept {
    for (std::size_t i = kInSlab; i-- != 0;) {
      slab[i].pool = this;
      slab[i].next_free = free_;
      free_ = &slab[i];
    }
  }
  void give_back(Entry* entry) noexcept {
    entry->is_dead = false;
    entry->payload.clear(kept_bytes_ < kKeptBytes ? kKeptPayload : 0);
    kept_bytes_ += entry->payload.capacity();
    if (entry->loan_cost != 0) {
      std::vector<std::shared_ptr<LoanHold>>().swap(entry->loans);  // its memory, too
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
  std::size_t kept_bytes_ = 0;  // of the entries that are not out
};

inline void GiveBack::operator()(Entry* entry) const noexcept {
  if (!entry->stays) entry->pool->give_back(entry);
}

}  // namespace coproc::inline v0::detail
