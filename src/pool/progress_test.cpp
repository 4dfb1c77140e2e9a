#include <gtest/gtest.h>

#include <chrono>

#include "coproc/progress.hpp"

using namespace std::chrono_literals;
using coproc::Progress;
using coproc::progress_text;

TEST(Progress, RateAndTimeLeftFollowFromTheTasksDone) {
  const Progress progress{.done = 50, .total = 200, .elapsed = 10s};
  EXPECT_DOUBLE_EQ(progress.rate(), 5.0);
  EXPECT_EQ(progress.time_left(), 30s);
}

TEST(Progress, UnknownValuesAreNotShown) {
  EXPECT_EQ(Progress().rate(), 0);
  EXPECT_FALSE((Progress{.done = 0, .total = 5, .elapsed = 1s}.time_left()));
  EXPECT_FALSE((Progress{.done = 3, .elapsed = 1s}.time_left()));
  EXPECT_EQ((Progress{.done = 1, .total = ~std::size_t{0}, .elapsed = 100h}.time_left()), 9'000'000'000s);
}

TEST(ProgressText, ShowsShareRateAndTimeLeft) {
  const Progress progress{.done = 420, .failed = 3, .total = 1000, .elapsed = 5s};
  EXPECT_EQ(progress_text(progress, "checksums"),
            "checksums 42% [########............] 420/1000, 3 failed, 84/s, 7 s left");
}

TEST(ProgressText, ShowsOnlyCountsIfTheInputHasNoSize) {
  EXPECT_EQ(progress_text({.done = 12'000, .elapsed = 2s}, ""), "12000, 6k/s");
}

TEST(ProgressText, TheLastOneShowsTheTimeTaken) {
  EXPECT_EQ(progress_text({.done = 4, .total = 4, .elapsed = 200s, .is_last = true}, "x"),
            "x 100% [####################] 4/4, 0.02/s, 3:20 min");
  EXPECT_EQ(progress_text({.total = 0, .is_last = true}, ""), "100% [####################] 0/0, 0 s");
}

TEST(ProgressText, IsCutToTheTerminal) {
  EXPECT_EQ(progress_text({.done = 1, .total = 2, .elapsed = 1s}, "a long label", 10), "a long lab");
}
