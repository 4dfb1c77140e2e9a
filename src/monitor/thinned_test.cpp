#include "monitor/thinned.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace coproc::inline v0::monitor {

using namespace std::chrono_literals;

namespace {

/// `count` samples a second apart, of a process that uses half a processor.
Thinned of_many(int count, std::size_t most) {
  Thinned thinned({}, most);
  for (int i = 0; i < count; ++i) thinned.add({.time = i * 1s, .processor_time = i * 500ms});
  return thinned;
}

}  // namespace

TEST(MonitorThinned, KeepsAllWhileThereIsRoom) {
  const Thinned thinned = of_many(8, 8);
  ASSERT_EQ(thinned.series().samples.size(), 8u);
  EXPECT_EQ(thinned.series().samples[5].time, 5s);
}

TEST(MonitorThinned, TenThousandSamplesStayInTheirPlacesAndAnEvenTimeApart) {
  const Thinned thinned = of_many(10'000, 4096);
  const auto& samples = thinned.series().samples;
  EXPECT_LE(samples.size(), 4096u);
  EXPECT_GE(samples.size(), 2048u);
  EXPECT_EQ(samples.front().time, 0s);
  for (std::size_t i = 1; i < samples.size(); ++i) ASSERT_EQ(samples[i].time - samples[i - 1].time, 4s);
  EXPECT_GE(samples.back().time, 9'995s);
}

TEST(MonitorThinned, AnOddNumberOfPlacesIsNoLess) {
  for (std::size_t most = 2; most < 9; ++most) {
    const Thinned thinned = of_many(1'000, most);
    const auto& samples = thinned.series().samples;
    EXPECT_LE(samples.size(), most);
    ASSERT_GE(samples.size(), most / 2);
    for (std::size_t i = 2; i < samples.size(); ++i) {
      ASSERT_EQ(samples[i].time - samples[i - 1].time, samples[1].time - samples[0].time) << most;
    }
  }
}

TEST(MonitorThinned, TheShareIsThatOfTheTimeSinceTheSampleThatIsLeftBefore) {
  const Thinned thinned = of_many(1'000, 16);
  EXPECT_EQ(thinned.series().samples.front().processors, 0);
  for (std::size_t i = 1; i < thinned.series().samples.size(); ++i) {
    EXPECT_DOUBLE_EQ(thinned.series().samples[i].processors, 0.5);
  }
}

TEST(MonitorThinned, AUseThatIsNotEvenIsAveraged) {
  Thinned thinned({}, 2);
  thinned.add({.time = 0s, .processor_time = 0s});
  thinned.add({.time = 1s, .processor_time = 1s});
  EXPECT_DOUBLE_EQ(thinned.series().samples[1].processors, 1);
  thinned.add({.time = 2s, .processor_time = 1s});
  ASSERT_EQ(thinned.series().samples.size(), 2u);
  EXPECT_EQ(thinned.series().samples[1].time, 2s);
  EXPECT_DOUBLE_EQ(thinned.series().samples[1].processors, 0.5);
}

}  // namespace coproc::inline v0::monitor
