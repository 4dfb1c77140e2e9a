// Memory that is handed to another process instead of being copied there, without the type of what it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "coproc/export.hpp"

namespace coproc::inline v0::detail {

class LoanHandle;

/// Keeps a stretch of memory. The end of the last owner, in whatever thread, gives it back to where it came from.
///
/// Thread safety: `data`, `bytes` and `is_here` from any thread.
class COPROC_API LoanHold {
 public:
  LoanHold(std::byte* memory, std::size_t size) noexcept : data(memory), bytes(size) {}
  LoanHold(const LoanHold&) = delete;
  LoanHold& operator=(const LoanHold&) = delete;
  virtual ~LoanHold();

  /// False in a process that was forked from its owner's: there the memory is not mapped.
  virtual bool is_here() const noexcept = 0;

  std::byte* const data;
  const std::size_t bytes;
  const LoanHandle* handle = nullptr;  // the only one, of what can be sent on: the send empties it
};

/// What a SharedBuffer is made of: a pointer, a size, and a share in what keeps the memory.
///
/// Thread safety: a value.
/// Invariants: data_ is null exactly while hold_ is.
class LoanHandle {
 public:
  LoanHandle() noexcept = default;
  explicit LoanHandle(std::shared_ptr<LoanHold> hold) noexcept
      : data_(hold->data), bytes_(hold->bytes), hold_(std::move(hold)) {}
  LoanHandle(LoanHandle&& other) noexcept { take(other); }
  LoanHandle& operator=(LoanHandle&& other) noexcept {
    if (this != &other) {
      clear();
      take(other);
    }
    return *this;
  }
  ~LoanHandle() { clear(); }

  /// Throws NotOwnerError in a process that was forked from the owner's.
  std::byte* data() const {
    if (hold_ != nullptr && !hold_->is_here()) throw_not_here();
    return data_;
  }
  /// Without that check.
  std::byte* raw_data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  const std::shared_ptr<LoanHold>& hold() const noexcept { return hold_; }
  LoanHandle share() const { return hold_ == nullptr ? LoanHandle() : LoanHandle(hold_); }
  /// From now on `hold()->handle` is this, wherever it is moved. For the only handle of a hold.
  void be_found() noexcept { hold_->handle = this; }
  [[noreturn]] COPROC_API static void throw_not_here();
  /// Const, as a send takes its value as const: what a handle holds is no part of what it is.
  void clear() const noexcept {
    if (hold_ != nullptr && hold_->handle == this) hold_->handle = nullptr;
    hold_.reset();
    data_ = nullptr;
    bytes_ = 0;
  }

 private:
  void take(LoanHandle& other) noexcept {
    if (other.hold_ != nullptr && other.hold_->handle == &other) other.hold_->handle = this;
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    hold_ = std::move(other.hold_);
  }
  mutable std::byte* data_ = nullptr;
  mutable std::size_t bytes_ = 0;
  mutable std::shared_ptr<LoanHold> hold_;
};

/// From SharedBuffers to what they are made of, and back.
struct LoanAccess {
  template <class Buffer>
  static const LoanHandle& handle_of(const Buffer& buffer) noexcept {
    return buffer.handle_;
  }
  template <class Buffer>
  static Buffer make(LoanHandle handle) noexcept {
    return Buffer(std::move(handle));
  }
};

/// Memory of this process alone, for what cannot be lent. Throws std::bad_alloc.
LoanHandle make_private_loan(std::size_t bytes);

/// Where an encoder puts what is lent. The numbers are those by which the value refers to it.
class LoanWriter {
 public:
  virtual ~LoanWriter() = default;

  /// Lends what the handle holds; where that is not this link's own, a copy of it. nullopt: nothing can be lent.
  virtual std::optional<std::uint32_t> lend(const LoanHandle& handle) = 0;
  /// Lends a copy of the bytes, if that is wanted and possible at this moment.
  virtual std::optional<std::uint32_t> lend_copy(const void* data, std::size_t bytes) = 0;
  /// Bytes lent so far, which count as the message's own.
  virtual std::size_t lent_bytes() const noexcept = 0;
};

}  // namespace coproc::inline v0::detail
