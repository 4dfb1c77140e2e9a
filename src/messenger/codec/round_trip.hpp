// For tests: values to bytes and back, and what every type must hold on the way.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "coproc/codec.hpp"
#include "coproc/detail/buffer.hpp"
#include "coproc/errors.hpp"

namespace coproc::inline v0::test {

using Bytes = std::vector<std::uint8_t>;

template <class T>
Bytes to_bytes(const T& value, std::size_t max_bytes = std::size_t{1} << 20) {
  detail::Buffer buffer;
  Encoder encoder(buffer, max_bytes);
  encode(encoder, value);
  Bytes bytes(encoder.size());
  if (!bytes.empty()) std::memcpy(bytes.data(), encoder.written().data(), bytes.size());
  return bytes;
}

inline std::span<const std::byte> view(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

template <class T>
T from_bytes(const Bytes& bytes, std::size_t max_allocation = std::size_t{1} << 20) {
  Decoder decoder(view(bytes), max_allocation);
  T value = decode<T>(decoder);
  decoder.finish();
  return value;
}

/// Value and copy are equal; every prefix and one byte more are refused; no single damaged byte does harm.
template <class T>
void expect_round_trip(const T& value) {
  const Bytes bytes = to_bytes(value);
  ASSERT_GE(bytes.size(), 1u);
  if (is_fixed_size<T>) {
    EXPECT_EQ(bytes.size(), fixed_size<T>);
  }
  EXPECT_TRUE(from_bytes<T>(bytes) == value);

  T used = value;  // decoding in place replaces what was there
  Decoder in_place(view(bytes));
  decode_into(in_place, used);
  EXPECT_TRUE(used == value);

  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_THROW(from_bytes<T>(part), DecodeError) << "cut to " << length << " of " << bytes.size();
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_THROW(from_bytes<T>(longer), DecodeError);

  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const std::uint8_t damage : Bytes{0x01, 0x80, 0xff}) {
      Bytes damaged = bytes;
      damaged[i] ^= damage;
      try {
        static_cast<void>(from_bytes<T>(damaged));
      } catch (const DecodeError&) {
        // any other exception fails the test
      }
    }
  }
}

}  // namespace coproc::inline v0::test
