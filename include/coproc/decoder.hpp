// Reads values from the bytes of a message: what a Codec<T>::decode is given.
//
// The bytes come from a peer that is not trusted and may change them while they are read (they can lie in shared
// memory). So every value is copied once, and only the copy is checked and used: the compiler is kept from reading it
// again. No view of the bytes is ever given out.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include "coproc/detail/loan.hpp"
#include "coproc/encoder.hpp"
#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// Puts a value together. A codec of one's own calls `bytes`, `scalar` and `length` in the order of its encode, or
/// `coproc::decode<Part>(decoder)` for anything else. All throw DecodeError where the bytes do not make a value.
///
/// Thread safety: none; it lives as long as one decoding.
/// Invariants: [at_, end_) is not read yet; budget_ is what may still be allocated.
class Decoder {
 public:
  static constexpr std::size_t kDefaultMaxAllocation = std::size_t{1} << 30;

  /// `max_allocation`: bytes that the decoded value's containers may take in memory, in all.
  explicit Decoder(std::span<const std::byte> data, std::size_t max_allocation = kDefaultMaxAllocation) noexcept
      : begin_(data.data()), at_(begin_), end_(begin_ + data.size()), budget_(max_allocation) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Copies the next `size` bytes.
  void bytes(void* to, std::size_t size) {
    const std::byte* from = take(size);
    if (size != 0) std::memcpy(to, from, size);
    asm volatile("" : : "r"(to) : "memory");  // the copy may differ from the bytes by now: it is what counts
  }

  /// The next number; of a bool only 0 and 1 are accepted.
  template <detail::Arithmetic T>
  T scalar() {
    if constexpr (std::is_same_v<T, bool>) {
      const auto byte = scalar<std::uint8_t>();
      if (byte > 1) fail_bool(byte);
      return byte != 0;
    } else if constexpr (sizeof(T) == 8) {
      return std::bit_cast<T>(load<std::uint64_t>());
    } else if constexpr (sizeof(T) == 4) {
      return std::bit_cast<T>(load<std::uint32_t>());
    } else if constexpr (sizeof(T) == 2) {
      return std::bit_cast<T>(load<std::uint16_t>());
    } else if constexpr (sizeof(T) == 1) {
      return std::bit_cast<T>(load<std::uint8_t>());
    } else {
      std::byte copy[sizeof(T)];
      bytes(copy, sizeof(T));
      T value{};
      std::memcpy(&value, copy, detail::kValueBytes<T>);
      return value;
    }
  }

  /// A count of elements that follow, each of which takes `bytes_in_memory` once decoded, and on the wire
  /// `bytes_on_wire` or more. A count that the remaining bytes or the allocation limit cannot hold is refused, so
  /// that memory for all of them may be reserved.
  std::size_t length(std::size_t bytes_in_memory, std::size_t bytes_on_wire = 1) {
    const std::uint64_t count = scalar<std::uint64_t>();
    if (count > remaining() / bytes_on_wire) fail_length(count);
    charge(count, bytes_in_memory);
    return static_cast<std::size_t>(count);
  }

  /// Elements that `Encoder::block` wrote: how many there are, and where they lie.
  struct Block {
    std::size_t count;
    std::size_t size;       // of each, in bytes
    const std::byte* lent;  // null: they follow. The peer may write there at any time
  };
  /// The head of a block of elements of `size` bytes; `bytes(to, block)` copies them. Counts that cannot be are refused, so that
  /// memory for all of them may be reserved.
  Block block(std::size_t size) {
    const std::uint64_t count = scalar<std::uint64_t>();
    const std::byte* lent = nullptr;
    if ((count & detail::kLentBit) != 0) {
      lent = lent_block(count, size)->data;
    } else if (count > remaining() / size) {
      fail_length(count);
    }
    charge(lent_count(count), size);
    return {lent_count(count), size, lent};
  }
  /// Copies all elements of a block.
  void bytes(void* to, const Block& block) {
    if (block.lent == nullptr) return bytes(to, block.count * block.size);
    std::memcpy(to, block.lent, block.count * block.size);
    asm volatile("" : : "r"(to) : "memory");  // the copy is what counts
  }
  /// The same as a SharedBuffer takes it over.
  COPROC_API detail::LoanHandle shared_block(std::size_t size);
  /// What the message has brought besides its bytes; outlives this.
  void borrow(std::span<const std::shared_ptr<detail::LoanHold>> loans) noexcept { loans_ = loans; }

  /// Takes `count * size` bytes off what may still be allocated.
  void charge(std::uint64_t count, std::size_t size) {
    if (size != 0 && count > budget_ / size) fail_allocation(count, size);
    budget_ -= count * size;
  }

  /// Bytes not read yet.
  std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// Ends the decoding of a message: bytes left over are an error.
  void finish() const {
    if (at_ != end_) fail_trailing();
  }
  /// Throws DecodeError: `why` says what is wrong with the bytes before this place.
  [[noreturn]] COPROC_API void fail(std::string_view why) const;

  /// Brackets the parts of a value that may hold values of its own type: deeper than 100 is refused.
  void enter() {
    if (++depth_ > detail::kMaxDepth) fail_depth();
  }
  void leave() noexcept { --depth_; }

 private:
  static std::size_t lent_count(std::uint64_t count) noexcept { return count & ~detail::kLentBit; }
  COPROC_API const std::shared_ptr<detail::LoanHold>& lent_block(std::uint64_t count, std::size_t size);
  const std::byte* take(std::size_t size) {
    if (size > remaining()) fail_missing(size);
    const std::byte* from = at_;
    at_ += size;
    return from;
  }
  template <class U>
  U load() {
    U value;
    std::memcpy(&value, take(sizeof(U)), sizeof(U));
    asm volatile("" : "+r"(value));  // read once: what is checked is what is used
    return value;
  }
  [[noreturn]] COPROC_API void fail_missing(std::size_t wanted) const;
  [[noreturn]] COPROC_API void fail_bool(unsigned value) const;
  [[noreturn]] COPROC_API void fail_length(std::uint64_t count) const;
  [[noreturn]] COPROC_API void fail_allocation(std::uint64_t count, std::size_t size) const;
  [[noreturn]] COPROC_API void fail_trailing() const;
  [[noreturn]] COPROC_API void fail_depth() const;

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  std::size_t budget_;
  std::span<const std::shared_ptr<detail::LoanHold>> loans_;
  int depth_ = 0;
};

}  // namespace coproc::inline v0
