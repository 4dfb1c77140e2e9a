#include "link/spin.hpp"

#include <gtest/gtest.h>

namespace coproc::link {
namespace {

constexpr std::int64_t kMost = 50'000;

TEST(OneProcessSpin, SpinsLessAfterMissesAndTriesAgainNowAndThen) {
  SpinBudget budget(kMost);
  EXPECT_EQ(budget.next(), kMost);
  for (int i = 0; i < 10; ++i) budget.miss();
  int tries = 0;
  for (int i = 0; i < 10 * SpinBudget::kRetryEvery; ++i) tries += budget.next() != 0 ? 1 : 0;
  EXPECT_EQ(tries, 10);
}

TEST(OneProcessSpin, AHitBringsTheSpinningBack) {
  SpinBudget budget(kMost);
  for (int i = 0; i < 10; ++i) budget.miss();
  budget.hit();
  EXPECT_EQ(budget.next(), kMost);
}

TEST(OneProcessSpin, NeverWhereTheOptionSaysSo) {
  SpinBudget budget(0);
  for (int i = 0; i < 3 * SpinBudget::kRetryEvery; ++i) {
    EXPECT_EQ(budget.next(), 0);
    budget.miss();
  }
  budget.hit();
  EXPECT_EQ(budget.next(), 0);
}

TEST(OneProcessSpin, AShortTimeIsLearntAwayToo) {
  SpinBudget budget(1'000);
  EXPECT_EQ(budget.next(), 1'000);
  budget.miss();
  EXPECT_EQ(budget.next(), 0);
  budget.hit();
  EXPECT_EQ(budget.next(), 1'000);
}

}  // namespace
}  // namespace coproc::link
