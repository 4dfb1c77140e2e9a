// For tests: encodes and decodes values, and checks what must hold for every type.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
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

/// A value without its type, so that the checks below are compiled once and not for every type.
struct Subject {
  Bytes bytes;
  std::size_t fixed_size;                      // 0: it depends on the value
  std::function<bool(const Bytes&)> is_equal;  // decoded from these bytes
  std::function<bool(const Bytes&)> is_equal_in_place;
};

/// Checks that the decoded value is equal, that every prefix and one byte more are refused, and that no damaged byte
/// does harm.
inline void expect_round_trip(const Subject& subject) {
  const Bytes& bytes = subject.bytes;
  ASSERT_GE(bytes.size(), 1u);
  if (subject.fixed_size != 0) {
    EXPECT_EQ(bytes.size(), subject.fixed_size);
  }
  EXPECT_TRUE(subject.is_equal(bytes));
  EXPECT_TRUE(subject.is_equal_in_place(bytes));

  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_THROW(subject.is_equal(part), DecodeError) << "cut to " << length << " of " << bytes.size();
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_THROW(subject.is_equal(longer), DecodeError);

  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const std::uint8_t damage : Bytes{0x01, 0x80, 0xff}) {
      Bytes damaged = bytes;
      damaged[i] ^= damage;
      try {
        static_cast<void>(subject.is_equal(damaged));
      } catch (const DecodeError&) {
        // any other exception fails the test
      }
    }
  }
}

/// `used` is a value that decoding in place has to replace.
template <class T>
void expect_round_trip(const T& value, const T& used) {
  const auto is_equal = [&](const Bytes& bytes) { return from_bytes<T>(bytes) == value; };
  const auto is_equal_in_place = [&](const Bytes& bytes) {
    T target = used;
    Decoder decoder(view(bytes));
    decode_into(decoder, target);
    return target == value;
  };
  expect_round_trip(Subject{to_bytes(value), fixed_size<T>, is_equal, is_equal_in_place});
}
template <class T>
void expect_round_trip(const T& value) {
  expect_round_trip(value, value);
}

}  // namespace coproc::inline v0::test
