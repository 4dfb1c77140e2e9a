#include "monitor/axis.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

namespace coproc::inline v0::monitor {

TEST(MonitorAxis, HasRoundStepsUpToTheLargestValue) {
  const Axis axis = axis_to(104.3, 6);
  EXPECT_DOUBLE_EQ(axis.step, 20);
  EXPECT_DOUBLE_EQ(axis.end, 120);
  EXPECT_EQ(axis.marks(), 7u);
  EXPECT_EQ(axis.digits, 0);

  const Axis small = axis_to(0.07, 4);
  EXPECT_DOUBLE_EQ(small.step, 0.02);
  EXPECT_DOUBLE_EQ(small.end, 0.08);
  EXPECT_EQ(small.digits, 2);
}

TEST(MonitorAxis, AnExactEndNeedsNoFurtherStep) {
  EXPECT_DOUBLE_EQ(axis_to(1, 5).end, 1);
  EXPECT_DOUBLE_EQ(axis_to(1e9, 5).end, 1e9);
}

TEST(MonitorAxis, HasNoMoreStepsThanAllowedAndHoldsEveryValue) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> power(-6, 12);
  for (int i = 0; i < 10'000; ++i) {
    const double most = std::pow(10, power(random));
    for (const int steps : {2, 4, 8}) {
      const Axis axis = axis_to(most, steps);
      EXPECT_LE(axis.marks() - 1, static_cast<std::size_t>(steps)) << most;
      EXPECT_GE(axis.end, most * (1 - 1e-6)) << most;
      EXPECT_LT(axis.end - axis.step, most) << most;
    }
  }
}

TEST(MonitorAxis, OfNothingIsStillAnAxis) {
  EXPECT_GT(axis_to(0, 4).end, 0);
  EXPECT_LE(axis_to(0, 4).marks(), 5u);
}

TEST(MonitorLabels, OverlapInNoRowWhateverTheirPlaces) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> place(0, 640), width(5, 300);
  std::vector<Label> labels(200);
  for (Label& label : labels) label = {place(random), width(random)};
  std::sort(labels.begin(), labels.end(), [](auto& a, auto& b) { return a.at < b.at; });

  const auto rows = rows_of(labels, 12);
  ASSERT_EQ(rows.size(), labels.size());
  std::map<std::size_t, double> ends;
  std::size_t with_row = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i]) continue;
    ++with_row;
    EXPECT_LT(*rows[i], 12u);
    if (ends.contains(*rows[i])) {
      EXPECT_LT(ends[*rows[i]], labels[i].at);
    }
    ends[*rows[i]] = labels[i].at + labels[i].width;
  }
  EXPECT_GE(with_row, 12u);
}

TEST(MonitorLabels, GoToTheFirstRowWhereTheyFit) {
  const std::vector<Label> labels{{0, 50}, {10, 50}, {70, 10}};
  const auto rows = rows_of(labels, 2);
  EXPECT_EQ(rows[0], 0u);
  EXPECT_EQ(rows[1], 1u);
  EXPECT_EQ(rows[2], 0u);
}

}  // namespace coproc::inline v0::monitor
