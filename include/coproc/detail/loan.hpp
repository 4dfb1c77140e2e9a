// Memory that is handed to another process instead of being copied, without the type of its contents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "coproc/export.hpp"

namespace coproc::inline v0::detail {

class LoanHandle;

/// Keeps a piece of memory. When the last owner is destroyed, in any thread, the memory goes back to its lender.
///
/// Thread safety: any thread may use `data`, `bytes` and `is_here`.
class COPROC_API LoanHold {
 public:
  LoanHold(std::byte* memory, std::size_t size) noexcept : data(memory), bytes(size) {}
  LoanHold(const LoanHold&) = delete;
  LoanHold& operator=(const LoanHold&) = delete;
  virtual ~LoanHold();

  /// Whether the memory is mapped in this process: false in a fork of the process that has it.
  virtual bool is_here() const noexcept = 0;

  std::byte* const data;
  const std::size_t bytes;
  const LoanHandle* handle = nullptr;  // the only handle, which a send of this memory empties; else null
};

/// A SharedBuffer without its type: a pointer, a size, and a share in the object that keeps the memory.
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

  /// The memory. Throws NotOwnerError in a fork of the process that has it.
  std::byte* data() const {
    if (hold_ != nullptr && !hold_->is_here()) throw_not_here();
    return data_;
  }
  /// The memory, without that check.
  std::byte* raw_data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  const std::shared_ptr<LoanHold>& hold() const noexcept { return hold_; }
  LoanHandle share() const { return hold_ == nullptr ? LoanHandle() : LoanHandle(hold_); }
  /// Registers this handle with its hold, so that a send can empty it. Moves keep the registration. Call it only on the
  /// first handle of a hold.
  void track_handle() noexcept { hold_->handle = this; }
  [[noreturn]] COPROC_API static void throw_not_here();
  /// Empties the handle. It is const, since a send takes its value by const reference and empties its handles
  /// nevertheless.
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

/// Converts between SharedBuffers and their handles.
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

/// Allocates memory of this process alone, for contents that cannot be lent. Throws std::bad_alloc.
LoanHandle make_private_loan(std::size_t bytes);

/// Lends memory for an encoder. Each call returns the number by which the encoded value refers to the loan.
class LoanWriter {
 public:
  virtual ~LoanWriter() = default;

  /// Lends the memory of the handle, or, if that does not belong to this link, a copy. Returns nullopt if nothing can
  /// be lent.
  virtual std::optional<std::uint32_t> lend(const LoanHandle& handle) = 0;
  /// Lends a copy of the bytes, if the link's options want that and it is possible at this moment.
  virtual std::optional<std::uint32_t> lend_copy(const void* data, std::size_t bytes) = 0;
  /// The number of bytes that were lent so far. They count as bytes of the message.
  virtual std::size_t lent_bytes() const noexcept = 0;
};

}  // namespace coproc::inline v0::detail
