#include "coproc/backoff.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

#include "coproc/errors.hpp"

using namespace std::chrono_literals;
using coproc::Backoff;

TEST(Backoff, GrowsFromItsFirstDelayToItsLongest) {
  const Backoff backoff{.first = 0ms, .then = 100ms, .factor = 2, .most = 1s, .spread = 0};
  EXPECT_EQ(backoff.delay(0), 0ms);
  EXPECT_EQ(backoff.delay(1), 100ms);
  EXPECT_EQ(backoff.delay(2), 200ms);
  EXPECT_EQ(backoff.delay(3), 400ms);
  EXPECT_EQ(backoff.delay(4), 800ms);
  EXPECT_EQ(backoff.delay(5), 1s);
  EXPECT_EQ(backoff.delay(std::numeric_limits<std::size_t>::max()), 1s);
}

TEST(Backoff, SpreadsItsDelaysAndStillNeverExceedsTheLongest) {
  const Backoff backoff{.first = 1s, .then = 2s, .factor = 2, .most = 5s, .spread = 0.2};
  EXPECT_EQ(backoff.delay(0, 0), 800ms);
  EXPECT_EQ(backoff.delay(0, 0.5), 1s);
  EXPECT_EQ(backoff.delay(0, 1), 1200ms);
  EXPECT_EQ(backoff.delay(2, 0), 3200ms);
  EXPECT_EQ(backoff.delay(2, 1), 4800ms);
  EXPECT_EQ(backoff.delay(3, 1), 5s);
}

TEST(Backoff, OfExtremeValuesIsStillADelay) {
  const Backoff none{.first = 0s, .then = 0s, .factor = 1e300};
  EXPECT_EQ(none.delay(1'000'000), 0s);
  const Backoff forever{.then = 1s, .factor = 1e300, .most = std::chrono::nanoseconds::max(), .spread = 1};
  EXPECT_EQ(forever.delay(1'000'000, 1), std::chrono::nanoseconds::max());
  const Backoff first{.first = 10s, .most = 1s, .spread = 0};
  EXPECT_EQ(first.delay(0), 1s);
}

TEST(Backoff, RefusesValuesThatMakeNoSense) {
  EXPECT_NO_THROW(Backoff().check("it"));
  EXPECT_THROW(Backoff{.first = -1s}.check("it"), coproc::InvalidArgumentError);
  EXPECT_THROW(Backoff{.factor = 0.5}.check("it"), coproc::InvalidArgumentError);
  EXPECT_THROW(Backoff{.factor = std::numeric_limits<double>::infinity()}.check("it"), coproc::InvalidArgumentError);
  EXPECT_THROW(Backoff{.spread = 1.5}.check("it"), coproc::InvalidArgumentError);
  EXPECT_THROW(Backoff{.spread = std::numeric_limits<double>::quiet_NaN()}.check("it"), coproc::InvalidArgumentError);
}
