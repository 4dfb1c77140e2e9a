#include "supervise/recycling.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "coproc/errors.hpp"

namespace coproc::inline v0::supervise {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSecond = 1'000'000'000;

std::size_t not_asked() {
  ADD_FAILURE() << "the memory was asked for";
  return 0;
}

TEST(Recycling, IsNeverDueWithoutLimits) {
  Recycling recycling{{}};
  EXPECT_FALSE(recycling.is_wanted());
  recycling.note_start(0, 1, 0.5);
  EXPECT_FALSE(recycling.is_due(1'000'000 * kSecond, 1'000'000'000, not_asked));
}

TEST(Recycling, CountsTheRequestsOfEachWorker) {
  Recycling recycling{{.requests = 10}};
  EXPECT_TRUE(recycling.is_wanted());
  recycling.note_start(0, 5, 0.5);
  EXPECT_FALSE(recycling.is_due(0, 14, not_asked));
  EXPECT_TRUE(recycling.is_due(0, 15, not_asked));
  recycling.note_start(0, 15, 0.5);
  EXPECT_FALSE(recycling.is_due(0, 24, not_asked));
  EXPECT_TRUE(recycling.is_due(0, 25, not_asked));
}

TEST(Recycling, CountsItsAgeFromItsStart) {
  Recycling recycling{{.age = 10s}};
  recycling.note_start(100 * kSecond, 1, 0.5);
  EXPECT_FALSE(recycling.is_due(110 * kSecond - 1, 1, not_asked));
  EXPECT_TRUE(recycling.is_due(110 * kSecond, 1, not_asked));
}

TEST(Recycling, LooksAtItsMemoryFromTimeToTime) {
  Recycling recycling{{.memory = 1000}};
  recycling.note_start(0, 1, 0.5);
  int looks = 0;
  std::size_t memory = 999;
  const auto look = [&] {
    ++looks;
    return memory;
  };
  EXPECT_FALSE(recycling.is_due(0, 1, look));
  memory = 1000;
  EXPECT_FALSE(recycling.is_due(kSecond / 10 - 1, 1, look));
  EXPECT_EQ(looks, 1);
  EXPECT_TRUE(recycling.is_due(kSecond / 10, 1, look));
}

TEST(Recycling, SpreadsTheLimitsOverItsShare) {
  Recycling recycling{{.requests = 1000, .spread = 0.1}};
  recycling.note_start(0, 0, 0);
  EXPECT_FALSE(recycling.is_due(0, 899, not_asked));
  EXPECT_TRUE(recycling.is_due(0, 900, not_asked));
  recycling.note_start(0, 0, 1);
  EXPECT_FALSE(recycling.is_due(0, 1099, not_asked));
  EXPECT_TRUE(recycling.is_due(0, 1100, not_asked));
}

TEST(Recycling, AWorkerGetsOneRequestAtLeast) {
  Recycling recycling{{.requests = 1, .spread = 1}};
  recycling.note_start(0, 7, 0);
  EXPECT_FALSE(recycling.is_due(0, 7, not_asked));
  EXPECT_TRUE(recycling.is_due(0, 8, not_asked));
}

TEST(Recycling, TellsHowManyRequestsAreLeftAndWhenTheAgeIsReached) {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  Recycling recycling{{.requests = 10, .age = 5s, .spread = 0}};
  recycling.note_start(kSecond, 7, 0.3);
  EXPECT_EQ(recycling.requests_left(7), 10U);
  EXPECT_EQ(recycling.requests_left(16), 1U);
  EXPECT_EQ(recycling.requests_left(17), 0U);
  EXPECT_EQ(recycling.requests_left(20), 0U);
  EXPECT_EQ(recycling.age_due(), 6 * kSecond);
  EXPECT_FALSE(recycling.is_due(recycling.age_due() - 1, 7, not_asked));
  EXPECT_TRUE(recycling.is_due(recycling.age_due(), 7, not_asked));
  const Recycling none{{}};
  EXPECT_EQ(none.requests_left(1'000'000), ~std::uint64_t{0});
  EXPECT_EQ(none.age_due(), kNever);
  Recycling greatest{{.age = std::chrono::nanoseconds::max(), .spread = 1}};
  greatest.note_start(kNever / 2, 0, 1);
  EXPECT_GE(greatest.age_due(), kNever / 2);
}

TEST(Recycling, GreatestLimitsAreNever) {
  Recycling recycling{{.requests = ~std::uint64_t{0}, .age = std::chrono::nanoseconds::max(), .spread = 1}};
  recycling.note_start(0, 0, 1);
  EXPECT_FALSE(recycling.is_due(1'000'000 * kSecond, 1'000'000'000, not_asked));
}

TEST(Recycling, RefusesWhatMakesNoSense) {
  EXPECT_THROW(Recycling({.age = -1s}), InvalidArgumentError);
  EXPECT_THROW(Recycling({.spread = 1.1}), InvalidArgumentError);
  EXPECT_THROW(Recycling({.spread = -0.1}), InvalidArgumentError);
  EXPECT_THROW(Recycling({.grace = -1s}), InvalidArgumentError);
}

}  // namespace
}  // namespace coproc::inline v0::supervise
