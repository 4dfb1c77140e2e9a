// The format of encoded values: facts that the encoder and the decoder share.
//
// Numbers are little-endian in their own size, a bool is one byte 0 or 1, and a length is a 64-bit count. There are no
// tags and no padding. Every value takes at least one byte, so that a receiver can bound every count by the bytes that
// are there. Elements that lie in a loan are encoded as their count with the top bit set, and the loan's number in 32
// bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace coproc::inline v0::detail {

static_assert(std::endian::native == std::endian::little, "coproc: only little-endian machines are supported");

template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;

/// A block of at least this many bytes is lent instead of copied, where the link allows it
/// (LinkOptions::automatic_loans).
inline constexpr std::size_t kLeastLentBytes = std::size_t{64} << 10;
/// This bit is set in the count of elements that are lent and do not follow.
inline constexpr std::uint64_t kLentBit = std::uint64_t{1} << 63;

/// How deep values of a recursive type may be nested. Sender and receiver both refuse deeper ones.
inline constexpr int kMaxDepth = 100;

/// The bytes of a number that hold its value; the rest (of x87's long double: 6 of 16) is padding.
template <Arithmetic T>
inline constexpr std::size_t kValueBytes =
    std::is_same_v<T, long double> && std::numeric_limits<T>::digits == 64 ? 10 : sizeof(T);

}  // namespace coproc::inline v0::detail
