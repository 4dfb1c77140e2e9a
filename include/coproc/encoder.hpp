// Writes values as bytes. Codec<T>::encode is called with an Encoder.
//
// detail/wire_format.hpp describes the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "coproc/detail/buffer.hpp"
#include "coproc/detail/built_alike.hpp"
#include "coproc/detail/loan.hpp"
#include "coproc/detail/wire_format.hpp"
#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// Takes a value apart. A user-defined codec calls `bytes`, `scalar` and `length`, and `coproc::encode(encoder, part)`
/// for anything else.
///
/// Thread safety: none. An encoder is used for one value.
/// Invariants: [begin_, at_) is written, and [at_, end_) is free. Both lie in the front, or, once `spilled()`, in the
/// spill buffer.
class Encoder {
 public:
  /// Writes into `front`, such as the free space of a ring. When that is full, everything is moved to `spill`, and
  /// writing continues there.
  Encoder(std::span<std::byte> front, detail::Buffer& spill, std::size_t max_bytes) noexcept
      : begin_(front.data()),
        at_(begin_),
        end_(begin_ + (front.size() < max_bytes ? front.size() : max_bytes)),
        spill_(&spill),
        max_bytes_(max_bytes) {}
  /// Writes into `spill`, from its beginning.
  Encoder(detail::Buffer& spill, std::size_t max_bytes) noexcept
      : Encoder(std::span(spill.data(), spill.capacity()), spill, max_bytes) {
    spilled_ = true;
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() { settle(); }

  /// Appends `size` bytes. Throws MessageTooLargeError, before it allocates anything, if the message would become
  /// larger than `LinkOptions::max_message_bytes`.
  void bytes(const void* data, std::size_t size) {
    if (size > static_cast<std::size_t>(end_ - at_)) grow(size);
    if (size != 0) std::memcpy(at_, data, size);
    at_ += size;
  }

  /// Appends a number or bool.
  template <detail::Arithmetic T>
  void scalar(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      const std::uint8_t byte = value ? 1 : 0;
      bytes(&byte, 1);
    } else if constexpr (detail::kValueBytes<T> < sizeof(T)) {
      std::byte padded[sizeof(T)] = {};  // without this, the padding of a long double would send bytes of the stack
      std::memcpy(padded, &value, detail::kValueBytes<T>);
      bytes(padded, sizeof(T));
    } else {
      bytes(&value, sizeof(T));
    }
  }

  /// Appends the count of the elements that follow.
  void length(std::uint64_t count) { scalar(count); }

  /// Appends `count` elements of `size` bytes each, as they are in memory, for `Decoder::block`. Large blocks travel as
  /// a loan if that is possible.
  void block(const void* data, std::size_t count, std::size_t size) {
    if (count * size >= detail::kLeastLentBytes && lend_copy(data, count, size)) return;
    length(count);
    bytes(data, count * size);
  }
  /// Appends the elements of a SharedBuffer. Its memory is handed over if that is possible, and copied otherwise.
  COPROC_API void block(const detail::LoanHandle& handle, std::size_t count);
  /// Lends all further blocks through `writer`, which must outlive the encoder.
  void lend_through(detail::LoanWriter& writer) noexcept { loans_ = &writer; }

  /// Whether the bytes are in the spill buffer and not in the front.
  bool spilled() const noexcept { return spilled_; }
  /// The number of bytes that were written so far.
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  /// The bytes that were written. If they are in the spill buffer, this call and the destructor set the size of that
  /// buffer.
  std::span<const std::byte> written() const noexcept {
    settle();
    return {begin_, size()};
  }

  /// Call `enter` before, and `leave` after the parts of a value that may contain values of its own type. Throws
  /// InvalidArgumentError beyond 100 levels.
  void enter() {
    if (++depth_ > detail::kMaxDepth) throw_too_deep();
  }
  void leave() noexcept { --depth_; }

 private:
  void settle() const noexcept {
    if (spilled_ && spill_->data() == begin_) spill_->resize_uninitialized(size());  // never more than its capacity
  }
  COPROC_API void grow(std::size_t size);
  COPROC_API bool lend_copy(const void* data, std::size_t count, std::size_t size);
  void check_room_for_loan(std::size_t size) const;
  [[noreturn]] void throw_too_large(std::size_t written, std::size_t size) const;
  [[noreturn]] COPROC_API static void throw_too_deep();

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  detail::Buffer* spill_;
  std::size_t max_bytes_;
  detail::LoanWriter* loans_ = nullptr;
  int depth_ = 0;
  bool spilled_ = false;
};

}  // namespace coproc::inline v0
