// Bytes that a hostile peer may write: they are refused before they cost memory or do harm.
#include "coproc/decoder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "codec/round_trip.hpp"
#include "coproc/codec.hpp"

namespace coproc::inline v0 {
namespace {

using test::Bytes;
using test::from_bytes;
using test::to_bytes;

template <class F>
std::string error_of(F function) {
  try {
    function();
  } catch (const DecodeError& error) {
    return error.what();
  }
  return "no DecodeError";
}

TEST(CodecDecoder, SaysWhatIsMissingAndWhere) {
  const std::string text = error_of([] { from_bytes<std::pair<int, double>>(Bytes(7)); });
  EXPECT_NE(text.find("8 bytes were expected and 3 are left, at byte 4 of 7"), std::string::npos) << text;
  EXPECT_NE(text.find("same definition"), std::string::npos) << text;
}

TEST(CodecDecoder, NothingAtAllIsNoValue) {
  EXPECT_THROW(from_bytes<int>({}), DecodeError);
  EXPECT_THROW(from_bytes<std::string>({}), DecodeError);
  EXPECT_THROW(from_bytes<std::monostate>({}), DecodeError);
}

TEST(CodecDecoder, BytesLeftOverAreAnError) {
  const std::string text = error_of([] { from_bytes<int>(Bytes(6)); });
  EXPECT_NE(text.find("2 bytes are left over"), std::string::npos) << text;
}

TEST(CodecDecoder, ABoolIsZeroOrOne) {
  EXPECT_EQ(from_bytes<bool>({0}), false);
  EXPECT_EQ(from_bytes<bool>({1}), true);
  enum class Flag : bool { off, on };
  struct Flags {
    bool first, second;
  };
  for (int i = 2; i < 256; ++i) {
    const auto byte = static_cast<std::uint8_t>(i);
    EXPECT_THROW(from_bytes<bool>({byte}), DecodeError);
    EXPECT_THROW(from_bytes<Flag>({byte}), DecodeError);
    EXPECT_THROW(from_bytes<Flags>({1, byte}), DecodeError);
    EXPECT_THROW((from_bytes<std::array<bool, 2>>({byte, 0})), DecodeError);
    EXPECT_THROW(from_bytes<std::optional<char>>({byte, 0}), DecodeError);
    EXPECT_THROW(from_bytes<std::vector<bool>>({1, 0, 0, 0, 0, 0, 0, 0, byte}), DecodeError);
  }
}

TEST(CodecDecoder, AVariantsIndexIsChecked) {
  using V = std::variant<char, bool>;
  EXPECT_EQ(from_bytes<V>({1, 0, 1}), V(true));
  EXPECT_THROW(from_bytes<V>({2, 0, 1}), DecodeError);
  EXPECT_THROW(from_bytes<V>({0, 1, 1}), DecodeError);
  EXPECT_THROW(from_bytes<V>({0xff, 0xff, 1}), DecodeError);
}

TEST(CodecDecoder, NothingIsOneZeroByte) {
  EXPECT_NO_THROW(from_bytes<std::tuple<>>({0}));
  EXPECT_THROW(from_bytes<std::tuple<>>({1}), DecodeError);
  EXPECT_THROW(from_bytes<std::monostate>({1}), DecodeError);
  EXPECT_THROW((from_bytes<std::array<int, 0>>({1})), DecodeError);
}

template <class T>
class CodecHostileLength : public testing::Test {};
struct Empty {};
struct Large {
  char data[4096];
};
using Containers =
    testing::Types<std::string, std::u32string, std::vector<int>, std::vector<bool>, std::vector<std::string>,
                   std::vector<Empty>, std::vector<Large>, std::deque<int>, std::list<int>, std::set<int>,
                   std::map<int, int>, std::unordered_map<int, Large>, std::vector<std::vector<std::vector<char>>>>;
TYPED_TEST_SUITE(CodecHostileLength, Containers);

TYPED_TEST(CodecHostileLength, IsRefusedWithoutAllocating) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t stated : {std::uint64_t{101}, std::uint64_t{1} << 20, std::uint64_t{1} << 32, kMax / 2,
                                     kMax / 4 + 1, kMax / 24, kMax / 8 + 1, kMax - 7, kMax}) {
    Bytes bytes(8 + 100);  // at least a byte each: a hundred elements at most
    std::memcpy(bytes.data(), &stated, 8);
    EXPECT_THROW(from_bytes<TypeParam>(bytes), DecodeError) << stated;
    // Even without an allocation limit: an allocation of the stated size would throw another exception, or take all
    // memory.
    EXPECT_THROW(from_bytes<TypeParam>(bytes, std::numeric_limits<std::size_t>::max()), DecodeError) << stated;
  }
}

TEST(CodecDecoder, MemoryIsBoundedByTheAllocationLimit) {
  // Few bytes in the message that would take much memory as a value.
  EXPECT_THROW(
      from_bytes<std::vector<std::string>>(to_bytes(std::vector<std::string>(100)), 100 * sizeof(std::string) - 1),
      DecodeError);
  EXPECT_NO_THROW(
      from_bytes<std::vector<std::string>>(to_bytes(std::vector<std::string>(100)), 100 * sizeof(std::string)));
  // The limit is for all containers of a value together.
  const std::vector<std::string> texts(10, std::string(100, 'x'));
  EXPECT_THROW(from_bytes<std::vector<std::string>>(to_bytes(texts), 10 * sizeof(std::string) + 999), DecodeError);
  EXPECT_NO_THROW(from_bytes<std::vector<std::string>>(to_bytes(texts), 10 * sizeof(std::string) + 1000));
  // Nodes and the first block of a deque count, too.
  EXPECT_THROW(from_bytes<std::list<char>>(to_bytes(std::list<char>(100)), 1000), DecodeError);
  EXPECT_THROW(from_bytes<std::vector<std::deque<char>>>(to_bytes(std::vector<std::deque<char>>(100)), 10'000),
               DecodeError);
}

TEST(CodecDecoder, NestingIsRefusedBeyondAHundredLevels) {
  struct Nested {
    std::vector<Nested> inner;
  };
  Bytes bytes;
  for (int i = 0; i < 99; ++i) bytes.insert(bytes.end(), {1, 0, 0, 0, 0, 0, 0, 0});
  Bytes allowed = bytes;
  allowed.insert(allowed.end(), 8, 0);
  EXPECT_NO_THROW(from_bytes<Nested>(allowed));
  for (int i = 0; i < 100'000; ++i) bytes.insert(bytes.end(), {1, 0, 0, 0, 0, 0, 0, 0});
  const std::string text = error_of([&] { from_bytes<Nested>(bytes, std::size_t{1} << 30); });
  EXPECT_NE(text.find("100 levels"), std::string::npos) << text;
}

TEST(CodecDecoder, AMapsEqualKeysAreNoHarm) {
  const std::multimap<int, int> twice{{1, 10}, {1, 20}, {2, 30}};
  EXPECT_EQ((from_bytes<std::map<int, int>>(to_bytes(twice)).size()), 2u);
}

TEST(CodecDecoder, ElementsOutOfOrderAreNoHarm) {
  const std::vector<int> numbers{5, 3, 9, 3, 1};
  EXPECT_EQ(from_bytes<std::set<int>>(to_bytes(numbers)), (std::set{1, 3, 5, 9}));
}

TEST(CodecDecoder, BytesMayBeAnywhereInMemory) {
  // Nothing is aligned in a message: each value is copied.
  const Bytes value = to_bytes(std::vector<double>{1.5, 2.5});
  for (std::size_t offset = 0; offset < 8; ++offset) {
    Bytes shifted(offset);
    shifted.insert(shifted.end(), value.begin(), value.end());
    Decoder decoder(test::view(shifted).subspan(offset));
    EXPECT_EQ(decode<std::vector<double>>(decoder), (std::vector<double>{1.5, 2.5}));
  }
}

}  // namespace
}  // namespace coproc::inline v0
