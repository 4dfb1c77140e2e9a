#include "supervise/schedule.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "coproc/errors.hpp"

using namespace std::chrono_literals;
using coproc::RestartOptions;
using coproc::supervise::Schedule;

namespace {

constexpr std::int64_t in_ns(std::chrono::nanoseconds time) { return time.count(); }

RestartOptions without_spread() {
  RestartOptions options;
  options.backoff.spread = 0;
  return options;
}

}  // namespace

TEST(Schedule, AWorkerThatDiesAtStartIsStartedFiveTimesAfterGrowingDelays) {
  Schedule schedule(without_spread());
  std::int64_t now = 1000;
  schedule.note_start(now, false);
  std::vector<std::int64_t> delays;
  while (const auto due = schedule.next(now, 0.5)) {
    delays.push_back(*due - now);
    now = *due;
    schedule.note_start(now, true);
  }
  EXPECT_EQ(delays, (std::vector{in_ns(0ms), in_ns(100ms), in_ns(200ms), in_ns(400ms), in_ns(800ms)}));
}

TEST(Schedule, DelaysAreCountedFromTheLastStart) {
  Schedule schedule(without_spread());
  schedule.note_start(0, false);
  EXPECT_EQ(schedule.next(0, 0.5), 0);
  schedule.note_start(0, true);
  EXPECT_EQ(schedule.next(in_ns(30ms), 0.5), in_ns(100ms));  // it has lived for a part of its delay
  schedule.note_start(in_ns(100ms), true);
  EXPECT_EQ(schedule.next(in_ns(5s), 0.5), in_ns(5s));  // and here for more than all of it
}

TEST(Schedule, ALongLifeResetsTheDelays) {
  Schedule schedule(without_spread());
  schedule.note_start(0, false);
  for (const auto due : {0ms, 100ms, 300ms}) {
    EXPECT_EQ(schedule.next(0, 0.5).value_or(-1), in_ns(due));
    schedule.note_start(in_ns(due), true);
  }
  const std::int64_t end = in_ns(300ms) + in_ns(30s);
  EXPECT_EQ(schedule.next(end, 0.5), end);
  schedule.note_start(end, true);
  EXPECT_EQ(schedule.next(end, 0.5), end + in_ns(100ms));  // the second in succession again
}

TEST(Schedule, OnlyRestartsWithinTheTimeCount) {
  RestartOptions options{.most = 2, .within = 10s, .backoff = {.then = 0s}};
  Schedule schedule(options);
  schedule.note_start(0, false);
  for (const auto at : {1s, 2s}) {
    EXPECT_EQ(schedule.next(in_ns(at), 0.5), in_ns(at));
    schedule.note_start(in_ns(at), true);
  }
  EXPECT_EQ(schedule.next(in_ns(3s), 0.5), std::nullopt);
  EXPECT_EQ(schedule.next(in_ns(11s), 0.5), std::nullopt);
  EXPECT_EQ(schedule.next(in_ns(11s) + 1, 0.5), in_ns(11s) + 1);
}

TEST(Schedule, RefusesALimitThatItsDelaysKeepFromBeingReached) {
  EXPECT_THROW(Schedule({.most = 5, .within = 5s, .backoff = {.first = 1s, .then = 1s}}), coproc::InvalidArgumentError);
  EXPECT_THROW(Schedule({.most = 1'000'000'000'000, .within = 1h}), coproc::InvalidArgumentError);
  EXPECT_THROW(Schedule({.within = 0s}), coproc::InvalidArgumentError);
  EXPECT_THROW(Schedule({.backoff = {.factor = 0}}), coproc::InvalidArgumentError);
  EXPECT_NO_THROW(Schedule({.most = 0}));
  EXPECT_NO_THROW(Schedule({.most = 100'000, .within = 1s, .backoff = {.then = 0s}}));
}
