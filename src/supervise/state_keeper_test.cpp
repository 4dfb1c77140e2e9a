#include "supervise/state_keeper.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>

namespace coproc::supervise {
namespace {

using namespace std::chrono_literals;

std::int64_t ns(std::chrono::nanoseconds time) { return time.count(); }
StateKeeper::State some_state() { return std::make_shared<detail::SavedState>(); }

/// A keeper of a state that a worker has saved, and its next worker, started at 0.
struct StateKeeperTest : ::testing::Test {
  StateKeeperTest() {
    keeper.note_start(0);
    keeper.note_end(0, saved, false);
    keeper.note_start(0);
  }
  StateKeeper::State saved = some_state();
  StateKeeper keeper{{.backoff = {.reset_after = 30s}, .state_attempts = 2}};
};

TEST_F(StateKeeperTest, TheNewestStateIsGiven) {
  EXPECT_EQ(keeper.state(), saved);
  const auto newer = some_state();
  keeper.note_end(ns(1s), newer, false);
  EXPECT_EQ(keeper.state(), newer);
}

TEST_F(StateKeeperTest, AStateByWhichTwoWorkersEndIsDropped) {
  keeper.note_end(ns(1s), nullptr, false);
  EXPECT_EQ(keeper.state(), saved);
  EXPECT_FALSE(keeper.was_dropped());
  keeper.note_start(ns(1s));
  keeper.note_end(ns(2s), nullptr, false);
  EXPECT_EQ(keeper.state(), nullptr);
  EXPECT_TRUE(keeper.was_dropped());
  keeper.note_start(ns(2s));
  EXPECT_FALSE(keeper.was_dropped());
}

TEST_F(StateKeeperTest, AnEndWithoutAStateDropsNone) {
  for (int i = 0; i < 2; ++i) keeper.note_end(ns(1s), nullptr, false);
  for (int i = 0; i < 5; ++i) {
    keeper.note_start(ns(1s));
    keeper.note_end(ns(1s), nullptr, false);
    EXPECT_FALSE(keeper.was_dropped());
  }
  keeper.note_end(ns(1s), saved, false);
  keeper.note_end(ns(1s), nullptr, false);
  EXPECT_EQ(keeper.state(), saved);
}

TEST_F(StateKeeperTest, WhatSavesAnswersOrLivesDoesNotEndByItsState) {
  for (int i = 0; i < 5; ++i) {
    keeper.note_end(ns(1s), nullptr, false);
    keeper.note_start(ns(1s));
    switch (i % 3) {
      case 0:
        keeper.note_end(ns(2s), nullptr, true);
        break;
      case 1:
        keeper.note_end(ns(1s) + ns(30s), nullptr, false);
        break;
      default:
        keeper.note_end(ns(2s), saved, false);
    }
    keeper.note_start(0);
    EXPECT_EQ(keeper.state(), saved) << i;
  }
}

TEST(StateKeeper, MoreAttemptsCanBeAllowed) {
  StateKeeper keeper{{.state_attempts = 4}};
  keeper.note_end(0, some_state(), false);
  for (int i = 0; i < 3; ++i) keeper.note_end(0, nullptr, false);
  EXPECT_NE(keeper.state(), nullptr);
  keeper.note_end(0, nullptr, false);
  EXPECT_EQ(keeper.state(), nullptr);
}

}  // namespace
}  // namespace coproc::supervise
