// Results that nobody has read: they are bounded, and what is waited for comes all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <coproc/coproc.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "hostile/allocated.hpp"
#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using namespace pool_test;

namespace {

constexpr std::size_t kLimit = 1 << 20;
constexpr std::size_t kText = 64 << 10;
/// What is unread and what has just been handed to the reader; one more from each worker's link, and in its inbox.
constexpr std::size_t kMost = 2 * kLimit + 2 * (kLimit / 2) + kLimit;

std::string text_of(int number) { return std::to_string(number) + std::string(kText, 'x'); }
int fail_at_length(int number) { throw std::runtime_error(text_of(number)); }

coproc::PoolOptions small(bool background) {
  coproc::PoolOptions options{.workers = 2, .window = 64, .background = background};
  options.worker.link.max_queued_bytes = kLimit;
  options.worker.link.automatic_loans = false;
  return options;
}

std::size_t tasks_of(const coproc::PoolInsights& insights) {
  std::size_t tasks = 0;
  for (const auto& worker : insights.workers) tasks += worker.tasks;
  return tasks;
}

/// Waits until the pool does no more by itself.
template <class State>
void let_settle(Pool<State>& pool) {
  for (std::size_t before = ~std::size_t{0}; before != tasks_of(pool.insights());) {
    before = tasks_of(pool.insights());
    std::this_thread::sleep_for(50ms);
  }
}

template <class F>
void expect_bounded(const F& function) {
  Pool pool{small(true)};
  hostile::forget_peak();
  const std::size_t before = hostile::allocated_bytes();
  int next = 0;
  for (auto& result : pool.map(function, numbers(300)).as_results()) {
    if (next == 0) let_settle(pool);
    EXPECT_EQ(result.index(), static_cast<std::uint64_t>(next));
    if (result.has_value()) {
      EXPECT_TRUE(std::string(result.value()).starts_with(std::to_string(next) + "x"));
    }
    EXPECT_LE(hostile::allocated_bytes() - before, kMost);
    ++next;
  }
  EXPECT_EQ(next, 300);
}

TEST(PoolHeld, TheUnreadResultsOfAMapAreBounded) { expect_bounded(text_of); }

std::string short_text_of(int number) { return std::to_string(number) + std::string(900, 'x'); }

TEST(PoolHeld, SmallResultsThatCameTogetherCountAsWhatTheyTake) {
  coproc::PoolOptions options = small(true);
  options.window = 2000;  // four windows of each worker are read ahead: 14 MiB of results
  Pool pool{options};
  hostile::forget_peak();
  const std::size_t before = hostile::allocated_bytes();
  int next = 0;
  for (const std::string& text : pool.map(short_text_of, numbers(16000), {.chunk_size = 100})) {
    if (next == 0) let_settle(pool);
    EXPECT_TRUE(text.starts_with(std::to_string(next) + "x"));
    EXPECT_LE(hostile::allocated_bytes() - before, kMost);
    ++next;
  }
  EXPECT_EQ(next, 16000);
}

TEST(PoolHeld, ErrorsCountAsWhatTheyTake) {
  Pool pool{small(true)};
  hostile::forget_peak();
  const std::size_t before = hostile::allocated_bytes();
  int next = 0;
  for (auto& result : pool.map(fail_at_length, numbers(300)).as_results()) {
    if (next++ == 0) let_settle(pool);
    EXPECT_FALSE(result.has_value());
    EXPECT_LE(hostile::allocated_bytes() - before, 2 * kMost);
  }
  EXPECT_EQ(next, 300);
}

TEST(PoolHeld, WhatIsWaitedForComesWhateverIsUnread) {
  for (const bool background : {false, true}) {
    Pool pool{small(background)};
    std::vector<coproc::Task<std::string>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(pool.submit(text_of, i));
    for (std::size_t i = tasks.size(); i-- != 0;) {  // the last one first
      EXPECT_TRUE(tasks[i].get().starts_with(std::to_string(i) + "x"));
    }
    expect_usable(pool);
  }
}

TEST(PoolHeld, UnreadResultsOfSubmittedTasksAreBoundedAndHoldNoMapUp) {
  Pool pool{small(true)};
  std::vector<coproc::Task<std::string>> tasks;
  const std::size_t before = hostile::allocated_bytes();
  for (int i = 0; i < 300; ++i) tasks.push_back(pool.submit(text_of, i));
  let_settle(pool);
  EXPECT_LE(hostile::allocated_bytes() - before, kMost);
  expect_usable(pool);
  for (int i = 0; i < 300; ++i)
    EXPECT_TRUE(tasks[static_cast<std::size_t>(i)].get().starts_with(std::to_string(i) + "x"));
}

TEST(PoolHeld, AWaitForAllSubmittedTasksComesToItsEnd) {
  for (const bool background : {false, true}) {
    Pool pool{small(background)};
    std::vector<coproc::Task<std::string>> tasks;
    for (int i = 0; i < 60; ++i) tasks.push_back(pool.submit(text_of, i));
    EXPECT_TRUE(pool.wait());
    for (auto& task : tasks) EXPECT_EQ(task.get().size() / kText, 1U);
  }
}

TEST(PoolHeld, ResultsThatNobodyWillReadAreNotHeld) {
  Pool pool{small(true)};
  for (int i = 0; i < 100; ++i) (void)pool.submit(text_of, i);  // whose handles are gone
  EXPECT_TRUE(pool.wait());
  { auto left = pool.map(text_of, numbers(100)); }
  const std::vector<std::string> texts = pool.map(text_of, numbers(50));
  EXPECT_EQ(texts.size(), 50U);
}

}  // namespace
