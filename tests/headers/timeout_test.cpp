#include "coproc/timeout.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

namespace coproc {
namespace {

using std::chrono::duration;
using std::chrono::nanoseconds;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Timeout, TakesAnyDuration) {
  EXPECT_EQ(Timeout(nanoseconds(1)).ns, nanoseconds(1));
  EXPECT_EQ(Timeout(duration<double>(0.25)).ns, std::chrono::milliseconds(250));
  EXPECT_EQ(Timeout(duration<float, std::milli>(1)).ns, std::chrono::milliseconds(1));
  EXPECT_EQ(Timeout(std::chrono::hours(2)).ns, std::chrono::hours(2));
}

TEST(Timeout, TooLargeIsForEver) {
  EXPECT_EQ(Timeout((std::chrono::hours::max)()).ns, kForever.ns);
  EXPECT_EQ(Timeout(duration<double>(9e9)).ns, kForever.ns);
  EXPECT_EQ(Timeout(duration<double>(kInfinity)).ns, kForever.ns);
  EXPECT_EQ(Timeout(duration<float>(std::numeric_limits<float>::infinity())).ns, kForever.ns);
  volatile double infinity = kInfinity;
  EXPECT_EQ(Timeout(duration<double>(infinity)).ns, kForever.ns);
}

TEST(Timeout, NegativeOrNoNumberIsZero) {
  EXPECT_EQ(Timeout(std::chrono::seconds(-1)).ns, nanoseconds(0));
  EXPECT_EQ(Timeout((std::chrono::hours::min)()).ns, nanoseconds(0));
  EXPECT_EQ(Timeout(duration<double>(-kInfinity)).ns, nanoseconds(0));
  EXPECT_EQ(Timeout(duration<double>(kNaN)).ns, nanoseconds(0));
  EXPECT_EQ(Timeout(duration<double>(-kNaN)).ns, nanoseconds(0));
  volatile double nan = kNaN;
  EXPECT_EQ(Timeout(duration<double>(nan)).ns, nanoseconds(0));
}

}  // namespace
}  // namespace coproc
