#include "coproc/encoder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "codec/round_trip.hpp"
#include "coproc/codec.hpp"

namespace coproc::inline v0 {
namespace {

using test::Bytes;

Bytes copy(std::span<const std::byte> bytes) {
  Bytes result(bytes.size());
  if (!result.empty()) std::memcpy(result.data(), bytes.data(), result.size());
  return result;
}

Bytes counting(std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

TEST(CodecEncoder, WritesIntoTheFrontWhileItFits) {
  std::array<std::byte, 8> front;
  detail::Buffer spill;
  Encoder encoder(front, spill, 1000);
  encoder.scalar(std::uint32_t{0x04030201});
  encoder.scalar(std::uint32_t{0x08070605});
  EXPECT_FALSE(encoder.spilled());
  EXPECT_EQ(encoder.written().data(), front.data());
  EXPECT_EQ(copy(encoder.written()), (Bytes{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(spill.capacity(), 0u);
}

TEST(CodecEncoder, SpillsEverythingWhereverTheFrontEnds) {
  const Bytes data = counting(3000);
  for (std::size_t front_size = 0; front_size < 40; ++front_size) {
    for (const std::size_t piece : {1u, 7u, 1000u}) {
      std::vector<std::byte> front(front_size);
      detail::Buffer spill;
      spill.append("stale", 5);
      Encoder encoder(front, spill, data.size());
      for (std::size_t done = 0; done < data.size();) {
        const std::size_t size = std::min(piece, data.size() - done);
        encoder.bytes(data.data() + done, size);
        done += size;
      }
      EXPECT_TRUE(encoder.spilled());
      EXPECT_EQ(copy(encoder.written()), data);
      EXPECT_EQ(spill.size(), data.size());
    }
  }
}

TEST(CodecEncoder, ReusesTheSpillBuffersMemory) {
  detail::Buffer spill;
  spill.reserve(64);
  const std::byte* memory = spill.data();
  {
    Encoder encoder(spill, 1000);
    encoder.scalar(1.0);
    EXPECT_TRUE(encoder.spilled());
  }
  EXPECT_EQ(spill.data(), memory);
  EXPECT_EQ(spill.size(), sizeof(double));  // set by the destructor, too
}

TEST(CodecEncoder, TheSpillBufferMayBeMovedAwayWhenAllIsWritten) {
  detail::Buffer spill;
  detail::Buffer taken;
  {
    Encoder encoder(spill, 1000);
    encoder.scalar(7);
    ASSERT_EQ(encoder.written().size(), sizeof(int));
    taken = std::move(spill);
  }
  EXPECT_EQ(taken.size(), sizeof(int));
}

TEST(CodecEncoder, TheLimitCountsToTheByte) {
  for (const std::size_t front_size : {0u, 50u, 100u, 200u}) {
    std::vector<std::byte> front(front_size);
    detail::Buffer spill;
    spill.reserve(500);  // an earlier reserve() does not raise the limit
    const Bytes data = counting(100);
    Encoder exact(front, spill, 100);
    exact.bytes(data.data(), 60);
    exact.bytes(data.data(), 40);
    EXPECT_EQ(exact.size(), 100u);
    EXPECT_THROW(exact.bytes(data.data(), 1), MessageTooLargeError);
    EXPECT_EQ(exact.size(), 100u);
  }
}

TEST(CodecEncoder, TheLimitIsCheckedBeforeAnythingIsAllocated) {
  detail::Buffer spill;
  Encoder encoder(spill, 1000);
  const char byte = 0;
  try {
    volatile std::size_t far_too_much = static_cast<std::size_t>(-1);  // volatile: compilers warn of what they can see
    encoder.bytes(&byte, far_too_much);
    FAIL();
  } catch (const MessageTooLargeError& error) {
    EXPECT_NE(std::string(error.what()).find("1000 bytes"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("LinkOptions::max_message_bytes"), std::string::npos) << error.what();
  }
  EXPECT_EQ(spill.capacity(), 0u);
  for (int i = 0; i < 1000; ++i) encoder.scalar('x');
  EXPECT_LE(spill.capacity(), 1000u);
}

TEST(CodecEncoder, PaddingIsNeverSent) {
  struct Padded {
    char c;
    int i;
    long double l;
  };
  // Two equal values whose padding differs: only the members determine what is sent.
  Bytes sent[2];
  for (const int fill : {0, 1}) {
    alignas(Padded) std::byte memory[sizeof(Padded)];
    std::memset(memory, fill == 0 ? 0x00 : 0xff, sizeof(memory));
    auto* value = new (memory) Padded;
    value->c = 'c';
    value->i = 42;
    value->l = 1.5L;
    sent[fill] = test::to_bytes(*value);
  }
  EXPECT_EQ(sent[0], sent[1]);
  EXPECT_EQ(sent[0].size(), sizeof(char) + sizeof(int) + sizeof(long double));
}

/// Fills the memory where the locals of the next call will be.
[[gnu::noinline]] void dirty_the_stack() {
  volatile unsigned char bytes[4096];
  for (volatile unsigned char& byte : bytes) byte = 0xff;
}

TEST(CodecEncoder, ALongDoublesPaddingIsZero) {
  std::array<std::byte, 64> front;
  detail::Buffer spill;
  Encoder encoder(front, spill, front.size());
  dirty_the_stack();
  encoder.scalar(1.5L);
  const Bytes sent = copy(encoder.written());
  ASSERT_EQ(sent.size(), sizeof(long double));
  for (std::size_t i = detail::kValueBytes<long double>; i < sent.size(); ++i) EXPECT_EQ(sent[i], 0) << i;
  EXPECT_EQ(detail::kValueBytes<long double>,
            std::numeric_limits<long double>::digits == 64 ? 10u : sizeof(long double));
}

TEST(CodecEncoder, WireFormatIsAsDocumented) {
  struct Data {
    std::int16_t number;
    std::string text;
    std::vector<std::uint8_t> bytes;
    std::optional<bool> flag;
  };
  EXPECT_EQ(test::to_bytes(Data{-2, "ab", {7}, true}),
            (Bytes{0xfe, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 1}));
  EXPECT_EQ(test::to_bytes(std::variant<int, bool>(true)), (Bytes{1, 0, 1}));
  EXPECT_EQ(test::to_bytes(std::tuple<>()), Bytes{0});
  EXPECT_EQ(test::to_bytes(std::monostate()), Bytes{0});
}

TEST(CodecEncoder, BlocksAreTheSameBytesAsElementByElement) {
  struct Point {
    std::int32_t x, y;
  };
  const std::vector<Point> points{{1, 2}, {3, 4}};
  static_assert(detail::kIsBulk<Point>);
  const std::vector<std::pair<std::int32_t, std::int32_t>> pairs{{1, 2}, {3, 4}};
  EXPECT_EQ(test::to_bytes(points), test::to_bytes(pairs));
}

struct Thrower {
  Thrower() = default;
  Thrower(const Thrower&) { throw 1; }
  Thrower& operator=(const Thrower&) = default;
  static constexpr std::tuple<> coproc_fields{};
};

TEST(CodecEncoder, AVariantWithoutValueIsRefused) {
  std::variant<int, Thrower> value = 1;
  EXPECT_THROW(value.emplace<Thrower>(Thrower(Thrower())), int);
  if (!value.valueless_by_exception()) GTEST_SKIP() << "this library keeps the old value";
  EXPECT_THROW(test::to_bytes(value), InvalidArgumentError);
}

struct Nested {
  std::vector<Nested> inner;
};
Nested nested(int depth) {
  Nested value;
  for (int i = 1; i < depth; ++i) {
    Nested outer;
    outer.inner.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

TEST(CodecEncoder, NestingIsRefusedBeyondAHundredLevels) {
  EXPECT_NO_THROW(test::from_bytes<Nested>(test::to_bytes(nested(100))));
  EXPECT_THROW(test::to_bytes(nested(101)), InvalidArgumentError);
}

TEST(CodecEncoder, ManyNeighboursAreNotDepth) {
  Nested wide;
  wide.inner.resize(500);
  EXPECT_EQ(test::from_bytes<Nested>(test::to_bytes(wide)).inner.size(), 500u);
}

}  // namespace
}  // namespace coproc::inline v0
