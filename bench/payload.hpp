// The message that every benchmark sends: a struct of fixed size, with content that can be checked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bench {

/// A payload is identified by its number. These numbers have other meanings.
constexpr std::uint64_t kWrong = ~std::uint64_t{0};      ///< what was received is not what was sent
constexpr std::uint64_t kEnd = ~std::uint64_t{0} - 1;    ///< the work is done
constexpr std::uint64_t kLast = std::uint64_t{1} << 63;  ///< added to a number: the last one of a stream

template <std::size_t Size>
struct Payload {
  static_assert(Size % 64 == 0 && Size != 0);
  std::array<std::uint64_t, Size / 8> words;
};

/// Up to 1 KiB every word has content. Beyond that only one word in each cache line has: the message is still touched
/// as a whole, but making and checking it does not take longer than moving it.
template <std::size_t Size>
constexpr std::size_t kWordStep = Size <= 1024 ? 1 : 8;

template <std::size_t Size>
void make(Payload<Size>& payload, std::uint64_t number) noexcept {
  payload.words[0] = number;
  for (std::size_t i = kWordStep<Size>; i < Size / 8; i += kWordStep<Size>) {
    payload.words[i] = (number + i) * 0x9e3779b97f4a7c15;
  }
}

/// Returns the number of a payload whose content is right; otherwise kWrong.
template <std::size_t Size>
std::uint64_t number_of(const Payload<Size>& payload) noexcept {
  const std::uint64_t number = payload.words[0];
  std::uint64_t wrong = 0;
  for (std::size_t i = kWordStep<Size>; i < Size / 8; i += kWordStep<Size>) {
    wrong |= payload.words[i] ^ ((number + i) * 0x9e3779b97f4a7c15);
  }
  return wrong == 0 ? number : kWrong;
}

}  // namespace bench
