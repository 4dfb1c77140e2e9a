#include "coproc/priority.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

namespace coproc {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kUnsignedMax = std::numeric_limits<std::uint64_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double k2To53 = 9007199254740992.0;
constexpr double k2To63 = 9223372036854775808.0;
constexpr double k2To64 = 18446744073709551616.0;

// In strictly rising order, of mixed types.
const std::vector<Priority> kRising = {
    Priority(-kInfinity),
    Priority(-1e300),
    Priority(-k2To64),
    Priority(kMin),
    Priority(kMin + 1),
    Priority(kMin + 1023),
    Priority(kMin + 1024),
    Priority(kMin + 1025),
    Priority(-(std::int64_t{1} << 53) - 1),
    Priority(-k2To53),
    Priority(-(std::int64_t{1} << 53) + 1),
    Priority(-1),
    Priority(-0.5),
    Priority(0u),
    Priority(std::numeric_limits<double>::denorm_min()),
    Priority(0.5f),
    Priority(std::int8_t{1}),
    Priority(std::uint64_t{2}),
    Priority((std::int64_t{1} << 53) - 1),
    Priority(std::uint64_t{1} << 53),
    Priority((std::int64_t{1} << 53) + 1),
    Priority((std::uint64_t{1} << 53) + 2),
    Priority((std::int64_t{1} << 53) + 3),
    Priority(std::int64_t{1'700'000'000'000'000'000}),  // timestamps in nanoseconds
    Priority(std::int64_t{1'700'000'000'000'000'001}),
    Priority(std::uint64_t{1'700'000'000'000'000'002}),
    Priority(kMax - 1025),
    Priority(kMax - 1024),
    Priority(kMax - 512),
    Priority(kMax - 511),
    Priority(static_cast<std::uint64_t>(kMax) - 1),
    Priority(kMax),
    Priority(k2To63),
    Priority((std::uint64_t{1} << 63) + 1),
    Priority((std::uint64_t{1} << 63) + 1024),
    Priority(kUnsignedMax - 2048),
    Priority(kUnsignedMax - 1024),
    Priority(kUnsignedMax - 1023),
    Priority(kUnsignedMax - 1),
    Priority(kUnsignedMax),
    Priority(k2To64),
    Priority(1e300),
    Priority(kInfinity),
};

TEST(Priority, KeepsTheOrderOfAllNumbers) {
  for (std::size_t i = 0; i < kRising.size(); ++i) {
    for (std::size_t j = 0; j < kRising.size(); ++j) {
      EXPECT_EQ(kRising[i] < kRising[j], i < j) << i << " and " << j;
      EXPECT_EQ(kRising[i] == kRising[j], i == j) << i << " and " << j;
      EXPECT_EQ(kRising[i] > kRising[j], i > j) << i << " and " << j;
    }
  }
}

TEST(Priority, IsTheSameForTheSameNumberOfAnyType) {
  EXPECT_EQ(Priority(7), Priority(7u));
  EXPECT_EQ(Priority(7), Priority(7.0));
  EXPECT_EQ(Priority(7), Priority(std::uint64_t{7}));
  EXPECT_EQ(Priority(kMax), Priority(static_cast<std::uint64_t>(kMax)));
  EXPECT_EQ(Priority(kMin), Priority(-k2To63));
  EXPECT_EQ(Priority(std::uint64_t{1} << 63), Priority(k2To63));
  EXPECT_EQ(Priority(std::int64_t{1} << 53), Priority(k2To53));
  EXPECT_EQ(Priority(0.0), Priority(-0.0));
  EXPECT_FALSE(Priority(0.0) < Priority(-0.0) || Priority(-0.0) < Priority(0.0));
  EXPECT_NE(Priority((std::int64_t{1} << 53) + 1), Priority(k2To53));
}

TEST(Priority, WithoutANumberIsTheMostUrgent) {
  EXPECT_EQ(Priority(), Priority(-kInfinity));
  EXPECT_LT(Priority(), Priority(kMin));
  EXPECT_LT(Priority(), Priority(std::numeric_limits<double>::lowest()));
}

TEST(Priority, KnowsNaN) {
  EXPECT_TRUE(Priority(std::numeric_limits<double>::quiet_NaN()).is_nan());
  EXPECT_TRUE(Priority(std::numeric_limits<float>::quiet_NaN()).is_nan());
  for (const Priority priority : kRising) EXPECT_FALSE(priority.is_nan());
}

TEST(Priority, SurvivesBeingTakenIntoParts) {
  for (const Priority priority : kRising) {
    EXPECT_EQ(Priority::from_parts(priority.value(), priority.rest()), priority);
  }
}

template <class I>
void compare_random(std::mt19937_64& random) {
  for (int i = 0; i < 100'000; ++i) {
    // Near a random power of two, where the rounding changes.
    const auto base = std::uint64_t{1} << (random() % 64);
    const auto a = static_cast<I>(base + random() % 4096 - 2048);
    const auto b = static_cast<I>(static_cast<std::uint64_t>(a) + random() % 5 - 2);
    ASSERT_EQ(Priority(a) < Priority(b), a < b) << a << " and " << b;
    ASSERT_EQ(Priority(a) == Priority(b), a == b) << a << " and " << b;
  }
}

TEST(Priority, ComparesNeighboursOfPowersOfTwoExactly) {
  std::mt19937_64 random(20'240'607);
  compare_random<std::int64_t>(random);
  compare_random<std::uint64_t>(random);
}

TEST(Priority, ComparesSignedWithUnsignedExactly) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 100'000; ++i) {
    const auto a = static_cast<std::int64_t>(random() >> (random() % 64));
    const std::uint64_t b = static_cast<std::uint64_t>(a) + random() % 5 - 2;
    ASSERT_EQ(Priority(a) < Priority(b), std::cmp_less(a, b)) << a << " and " << b;
    ASSERT_EQ(Priority(a) == Priority(b), std::cmp_equal(a, b)) << a << " and " << b;
  }
}

static_assert(!std::is_constructible_v<Priority, bool>);
static_assert(!std::is_constructible_v<Priority, void*>);
static_assert(Priority(kMax) < Priority(k2To63) && Priority(kMax - 1) < Priority(kMax), "also at compile time");
static_assert(Priority(kUnsignedMax) < Priority(k2To64));

}  // namespace
}  // namespace coproc
