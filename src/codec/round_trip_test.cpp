// Every type that can be sent arrives unchanged, and no other bytes do harm.
#include "codec/round_trip.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <complex>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <limits>
#include <list>
#include <map>
#include <memory_resource>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "codec/random_value.hpp"

namespace coproc::inline v0 {
namespace {

enum class Color : std::uint8_t { red, green };
enum Plain { kOne = 1, kLarge = 100000 };
enum class Flag : bool { off, on };
struct Point {
  float x, y;
  bool operator==(const Point&) const = default;
};
struct Padded {
  char c;
  int i;
  bool operator==(const Padded&) const = default;
};
struct Flags {
  bool a, b;
  bool operator==(const Flags&) const = default;
};
struct Everything {
  Point points[2];
  Padded grid[2][3];
  std::string text;
  std::optional<Point> maybe;
  std::array<Flag, 2> flags;
  Color color = Color::green;
  long double precise = 1;
  bool operator==(const Everything&) const = default;
};
struct Empty {
  bool operator==(const Empty&) const = default;
};
struct Tree {
  int value = 0;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};
struct Json {
  std::variant<std::monostate, bool, double, std::string, std::vector<Json>, std::map<std::string, Json>> value;
  bool operator==(const Json&) const = default;
};
using namespace std::chrono;

template <class T>
class CodecRoundTrip : public testing::Test {};

using Numbers = testing::Types<bool, char, signed char, unsigned char, short, unsigned short, int, unsigned, long,
                               unsigned long, long long, unsigned long long, float, double, long double, wchar_t,
                               char8_t, char16_t, char32_t, Color, Flag, std::byte>;
using Containers =
    testing::Types<std::string, std::wstring, std::u8string, std::u16string, std::pmr::string, std::vector<int>,
                   std::vector<bool>, std::vector<Color>, std::vector<Flag>, std::vector<std::string>,
                   std::vector<std::vector<std::uint16_t>>, std::vector<long double>, std::deque<std::string>,
                   std::deque<int>, std::list<double>, std::forward_list<int>, std::forward_list<std::string>,
                   std::array<int, 3>, std::array<std::string, 2>, std::array<int, 0>, std::set<int>,
                   std::multiset<std::string>, std::unordered_set<int>, std::unordered_multiset<int>,
                   std::map<std::string, double>, std::multimap<int, int>,
                   std::unordered_map<std::string, std::vector<int>>, std::unordered_multimap<int, std::string>,
                   std::pmr::vector<int>, std::vector<std::array<int, 0>>, std::map<int, std::map<int, std::string>>>;
using Composites =
    testing::Types<std::optional<int>, std::optional<std::string>, std::optional<std::optional<bool>>,
                   std::variant<int, std::string, int>, std::variant<std::monostate, std::vector<int>>, std::monostate,
                   std::tuple<>, std::tuple<int>, std::tuple<int, std::string, bool>, std::tuple<std::tuple<int>>,
                   std::pair<int, std::string>, nanoseconds, duration<double>, hours, system_clock::time_point,
                   steady_clock::time_point, time_point<system_clock, days>, std::filesystem::path, std::complex<float>,
                   std::complex<long double>, std::vector<std::complex<double>>, std::vector<nanoseconds>>;
using Aggregates =
    testing::Types<Point, Padded, Flags, Everything, Empty, Tree, Json, std::vector<Point>, std::vector<Padded>,
                   std::vector<Flags>, std::vector<Empty>, std::deque<Everything>, std::array<Point, 2>,
                   std::optional<Everything>, std::map<Color, Everything>, std::tuple<Everything, Point>>;

TYPED_TEST_SUITE_P(CodecRoundTrip);
TYPED_TEST_P(CodecRoundTrip, RandomValues) {
  static_assert(Encodable<TypeParam>);
  TypeParam previous{};
  test::expect_round_trip(previous);
  for (unsigned seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const auto value = test::RandomValues(seed).make<TypeParam>();
    test::expect_round_trip(value, previous);
    previous = value;
  }
  test::expect_round_trip(TypeParam{}, previous);
}
REGISTER_TYPED_TEST_SUITE_P(CodecRoundTrip, RandomValues);
INSTANTIATE_TYPED_TEST_SUITE_P(Numbers, CodecRoundTrip, Numbers);
INSTANTIATE_TYPED_TEST_SUITE_P(Containers, CodecRoundTrip, Containers);
INSTANTIATE_TYPED_TEST_SUITE_P(Composites, CodecRoundTrip, Composites);
INSTANTIATE_TYPED_TEST_SUITE_P(Aggregates, CodecRoundTrip, Aggregates);

TEST(CodecValues, LargeBlocksArriveWhole) {
  std::vector<std::uint32_t> numbers(100'001);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::uint32_t>(i * 2654435761u);
  EXPECT_EQ(test::from_bytes<std::vector<std::uint32_t>>(test::to_bytes(numbers)), numbers);
  std::string text(70'000, 'x');
  text[16'384] = 'y';
  EXPECT_EQ(test::from_bytes<std::string>(test::to_bytes(text)), text);
}

TEST(CodecValues, EqualKindsReadEachOther) {
  const std::vector<int> numbers{3, 1, 2};
  EXPECT_EQ(test::from_bytes<std::deque<int>>(test::to_bytes(numbers)), (std::deque<int>{3, 1, 2}));
  EXPECT_EQ(test::from_bytes<std::list<int>>(test::to_bytes(numbers)), (std::list<int>{3, 1, 2}));
  EXPECT_EQ(test::from_bytes<std::unordered_set<int>>(test::to_bytes(std::set{1, 2})), (std::unordered_set{1, 2}));
  EXPECT_EQ(test::from_bytes<std::set<int>>(test::to_bytes(std::multiset{2, 2, 1})), (std::set{1, 2}));
  EXPECT_EQ(test::from_bytes<long long>(test::to_bytes(-5L)), -5LL);
}

TEST(CodecValues, LiteralsAndViewsArriveAsOwners) {
  using test::from_bytes, test::to_bytes;
  static_assert(std::is_same_v<wire_t<const char(&)[6]>, std::string>);
  static_assert(std::is_same_v<wire_t<char*>, std::string>);
  static_assert(std::is_same_v<wire_t<std::string_view>, std::string>);
  static_assert(std::is_same_v<wire_t<const wchar_t*>, std::wstring>);
  static_assert(std::is_same_v<wire_t<std::span<const int, 2>>, std::vector<int>>);
  static_assert(std::is_same_v<wire_t<const int(&)[3]>, std::vector<int>>);
  static_assert(std::is_same_v<wire_t<int[2][3]>, std::vector<std::array<int, 3>>>);
  static_assert(std::is_same_v<wire_t<std::initializer_list<double>>, std::vector<double>>);
  static_assert(std::is_same_v<wire_t<const std::optional<int>&>, std::optional<int>>);

  EXPECT_EQ(from_bytes<std::string>(to_bytes("hello")), "hello");
  EXPECT_EQ(from_bytes<std::string>(to_bytes("")), "");
  const char* text = "text";
  EXPECT_EQ(from_bytes<std::string>(to_bytes(text)), "text");
  char buffer[8] = {'f', 'u', 'l', 'l', ' ', '8', ' ', '!'};  // without a NUL: not read beyond its end
  EXPECT_EQ(from_bytes<std::string>(to_bytes(buffer)), "full 8 !");
  buffer[4] = '\0';
  EXPECT_EQ(from_bytes<std::string>(to_bytes(buffer)), "full");
  EXPECT_EQ(from_bytes<std::string>(to_bytes(std::string_view("a\0b", 3))), std::string("a\0b", 3));
  EXPECT_EQ(from_bytes<std::u16string>(to_bytes(u"wide")), u"wide");

  const int numbers[] = {1, 2, 3};
  EXPECT_EQ(from_bytes<std::vector<int>>(to_bytes(numbers)), (std::vector{1, 2, 3}));
  EXPECT_EQ(from_bytes<std::vector<int>>(to_bytes(std::span(numbers, 2))), (std::vector{1, 2}));
  EXPECT_EQ(from_bytes<std::vector<int>>(to_bytes(std::span<int>())), std::vector<int>());
  EXPECT_EQ(from_bytes<std::vector<std::string>>(to_bytes(std::initializer_list<std::string>{"a", "b"})),
            (std::vector<std::string>{"a", "b"}));
  const int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(from_bytes<wire_t<decltype(grid)>>(to_bytes(grid)),
            (std::vector<std::array<int, 3>>{{1, 2, 3}, {4, 5, 6}}));
  EXPECT_EQ((from_bytes<std::vector<std::array<int, 3>>>(to_bytes(std::span(grid)))),
            (std::vector<std::array<int, 3>>{{1, 2, 3}, {4, 5, 6}}));
}

TEST(CodecValues, NullTextIsRefused) {
  const char* nothing = nullptr;
  EXPECT_THROW(test::to_bytes(nothing), InvalidArgumentError);
}

TEST(CodecValues, EnumsOfNoFixedTypeArrive) {
  EXPECT_EQ(test::from_bytes<Plain>(test::to_bytes(kLarge)), kLarge);
  EXPECT_EQ(test::from_bytes<std::vector<Plain>>(test::to_bytes(std::vector{kOne, kLarge})),
            (std::vector{kOne, kLarge}));
}

TEST(CodecValues, FloatingPointKeepsItsBits) {
  const double nan = test::from_bytes<double>(test::to_bytes(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(std::isnan(nan));
  EXPECT_TRUE(std::signbit(test::from_bytes<float>(test::to_bytes(-0.0f))));
  EXPECT_EQ(test::from_bytes<long double>(test::to_bytes(1.0L / 3)), 1.0L / 3);
}

}  // namespace
}  // namespace coproc::inline v0
