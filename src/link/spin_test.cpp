#include "link/spin.hpp"

#include <gtest/gtest.h>

namespace coproc::link {
namespace {

TEST(OneProcessSpin, SpinsLessAfterMissesAndTriesAgainNowAndThen) {
  SpinBudget budget;
  EXPECT_EQ(budget.next(), SpinBudget::kMostNs);
  for (int i = 0; i < 10; ++i) budget.miss();
  int tries = 0;
  for (int i = 0; i < 10 * SpinBudget::kRetryEvery; ++i) tries += budget.next() != 0 ? 1 : 0;
  EXPECT_EQ(tries, 10);
}

TEST(OneProcessSpin, AHitBringsTheSpinningBack) {
  SpinBudget budget;
  for (int i = 0; i < 10; ++i) budget.miss();
  budget.hit();
  EXPECT_EQ(budget.next(), SpinBudget::kMostNs);
}

}  // namespace
}  // namespace coproc::link
