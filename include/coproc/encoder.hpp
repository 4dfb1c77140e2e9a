// Writes values as bytes: what a Codec<T>::encode is given.
//
// Wire format: numbers little-endian in their own size, bool as one byte 0 or 1, lengths as 64-bit counts; no tags, no
// padding. Every value takes at least one byte, so that a receiver can bound every count by the bytes that are there.
// Elements that lie in a loan are their count with the top bit set, and the loan's number in 32 bits.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include "coproc/detail/buffer.hpp"
#include "coproc/detail/built_alike.hpp"
#include "coproc/detail/loan.hpp"
#include "coproc/export.hpp"

namespace coproc::inline v0 {

static_assert(std::endian::native == std::endian::little, "coproc: only little-endian machines are supported");

namespace detail {

template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;

/// Blocks of so many bytes are lent by themselves, where the link does so (LinkOptions::automatic_loans).
inline constexpr std::size_t kLeastLentBytes = std::size_t{64} << 10;
/// In the count of elements that do not follow but are lent.
inline constexpr std::uint64_t kLentBit = std::uint64_t{1} << 63;

/// How deep values of a recursive type may be nested: what is deeper is refused by sender and receiver alike.
inline constexpr int kMaxDepth = 100;

/// The bytes of a number that hold its value; the rest (of x87's long double: 6 of 16) is padding.
template <Arithmetic T>
inline constexpr std::size_t kValueBytes =
    std::is_same_v<T, long double> && std::numeric_limits<T>::digits == 64 ? 10 : sizeof(T);

}  // namespace detail

/// Takes a value apart. A codec of one's own calls `bytes`, `scalar` and `length`, or `coproc::encode(encoder, part)`
/// for anything else.
///
/// Thread safety: none; it lives as long as one encoding.
/// Invariants: [begin_, at_) is written, [at_, end_) is free; both lie in the front, or in the spill buffer once
/// spilled.
class Encoder {
 public:
  /// Writes into `front` (such as the free space of a ring); when that is full, moves everything to `spill` and goes on
  /// there.
  Encoder(std::span<std::byte> front, detail::Buffer& spill, std::size_t max_bytes) noexcept
      : begin_(front.data()),
        at_(begin_),
        end_(begin_ + (front.size() < max_bytes ? front.size() : max_bytes)),
        spill_(&spill),
        max_bytes_(max_bytes) {}
  /// Writes into `spill` from its beginning.
  Encoder(detail::Buffer& spill, std::size_t max_bytes) noexcept
      : Encoder(std::span(spill.data(), spill.capacity()), spill, max_bytes) {
    spilled_ = true;
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() { settle(); }

  /// Appends `size` bytes. Throws MessageTooLargeError, before it allocates, where the message would become larger than
  /// `LinkOptions::max_message_bytes`.
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
      std::byte padded[sizeof(T)] = {};  // the padding of a long double is whatever was on the stack
      std::memcpy(padded, &value, detail::kValueBytes<T>);
      bytes(padded, sizeof(T));
    } else {
      bytes(&value, sizeof(T));
    }
  }

  /// Appends a count of elements that follow.
  void length(std::uint64_t count) { scalar(count); }

  /// Appends a count and as many elements of `size` bytes as they are in memory, for `Decoder::block`. Large ones travel as
  /// a loan where that is possible.
  void block(const void* data, std::size_t count, std::size_t size) {
    if (count * size >= detail::kLeastLentBytes && lend_copy(data, count, size)) return;
    length(count);
    bytes(data, count * size);
  }
  /// The same for what a SharedBuffer holds, which is handed over itself where that is possible.
  COPROC_API void block(const detail::LoanHandle& handle, std::size_t count);
  /// From now on blocks are lent through `writer`, which outlives this.
  void lend_through(detail::LoanWriter& writer) noexcept { loans_ = &writer; }

  /// Whether the bytes are in the spill buffer, not in the front.
  bool spilled() const noexcept { return spilled_; }
  /// Bytes written so far.
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  /// What was written. If that is in the spill buffer, the buffer's size is set to it, here and by the destructor.
  std::span<const std::byte> written() const noexcept {
    settle();
    return {begin_, size()};
  }

  /// Brackets the parts of a value that may hold values of its own type. Throws InvalidArgumentError beyond a depth of
  /// 100.
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
