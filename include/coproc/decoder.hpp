// Reads values from the bytes of a message. Codec<T>::decode is called with a Decoder.
//
// The bytes come from an untrusted peer, which may change them while they are read if they lie in shared memory.
// Therefore every value is copied once, only the copy is checked and used, and the compiler is kept from reading the
// original again. No view of the bytes is ever handed out.
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
#include "coproc/detail/wire_format.hpp"
#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// Puts a value together. A user-defined codec calls `bytes`, `scalar` and `length` in the order of its `encode`, and
/// `coproc::decode<Part>(decoder)` for anything else. All of them throw DecodeError if the bytes do not make a value.
///
/// Thread safety: none. A decoder is used for one value.
/// Invariants: [at_, end_) has not been read yet; budget_ is the number of bytes that may still be allocated.
class Decoder {
 public:
  static constexpr std::size_t kDefaultMaxAllocation = std::size_t{1} << 30;

  /// `max_allocation` is the number of bytes that all containers of the decoded value may take in memory together.
  explicit Decoder(std::span<const std::byte> data, std::size_t max_allocation = kDefaultMaxAllocation) noexcept
      : begin_(data.data()), at_(begin_), end_(begin_ + data.size()), budget_(max_allocation) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// Copies the next `size` bytes.
  void bytes(void* to, std::size_t size) {
    const std::byte* from = take(size);
    if (size != 0) std::memcpy(to, from, size);
    asm volatile("" : : "r"(to) : "memory");  // the original may have changed: only the copy counts
  }

  /// Reads the next number or bool. The byte of a bool must be 0 or 1.
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

  /// Reads the count of the elements that follow. Each of them takes `bytes_in_memory` bytes once it is decoded, and at
  /// least `bytes_on_wire` bytes in the message. A count is refused if the remaining bytes or the allocation limit
  /// cannot hold so many elements, so that the caller may reserve memory for all of them.
  std::size_t length(std::size_t bytes_in_memory, std::size_t bytes_on_wire = 1) {
    const std::uint64_t count = scalar<std::uint64_t>();
    if (count > remaining() / bytes_on_wire) fail_length(count);
    charge(count, bytes_in_memory);
    return static_cast<std::size_t>(count);
  }

  /// The head of elements that were written by `Encoder::block`.
  struct Block {
    std::size_t count;
    std::size_t size;  // bytes of each element
    const std::byte*
        lent;  // where lent elements lie, which the peer may change at any time; null if the elements follow
  };
  /// Reads the head of a block whose elements have `size` bytes each; `bytes(to, block)` then copies the elements.
  /// Impossible counts are refused, so that the caller may reserve memory for all elements.
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
    asm volatile("" : : "r"(to) : "memory");  // only the copy counts
  }
  /// Copies the next `count` bytes, without filling the container before.
  template <class Container>
  void assign(Container& to, std::size_t count) {
    const auto* const from = reinterpret_cast<const typename Container::value_type*>(take(count));
    to.assign(from, from + count);
    asm volatile("" : : "r"(&to) : "memory");  // only the copy counts
  }
  /// Reads a block for a SharedBuffer, which takes a lent block over without copying it.
  COPROC_API detail::LoanHandle shared_block(std::size_t size);
  /// Gives the decoder the loans of the message. They must outlive the decoder.
  void borrow(std::span<const std::shared_ptr<detail::LoanHold>> loans) noexcept { loans_ = loans; }

  /// Subtracts `count * size` bytes from the budget of allocations.
  void charge(std::uint64_t count, std::size_t size) {
    if (size != 0 && count > budget_ / size) fail_allocation(count, size);
    budget_ -= count * size;
  }

  /// The number of bytes that have not been read yet.
  std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// Ends the decoding of a message. Bytes that are left over are an error.
  void finish() const {
    if (at_ != end_) fail_trailing();
  }
  /// Throws DecodeError. `why` says what is wrong with the bytes that were read last.
  [[noreturn]] COPROC_API void fail(std::string_view why) const;

  /// Call `enter` before, and `leave` after the parts of a value that may contain values of its own type. More than 100
  /// levels are refused.
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
    asm volatile("" : "+r"(value));  // read once, so that the value that is checked is the value that is used
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
