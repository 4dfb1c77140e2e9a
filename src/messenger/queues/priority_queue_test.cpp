#include "coproc/priority_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "messenger/queues/allocation_count.hpp"

namespace coproc {
namespace {

TEST(PriorityQueue, ReturnsLowerPrioritiesFirstAndEqualOnesInOrder) {
  PriorityQueue<std::string> queue;
  queue.put("data 1", 1);
  queue.put("warning 1", 0);
  queue.put("urgent");
  queue.put("data 2", 1.0);
  queue.put("warning 2", 0u);
  EXPECT_EQ(queue.size(), 5u);
  EXPECT_EQ(queue.front(), "urgent");
  EXPECT_EQ(queue.front_priority(), Priority());
  EXPECT_EQ(queue.get(), "urgent");
  EXPECT_EQ(queue.front_priority(), Priority(0));
  EXPECT_EQ(queue.get(), "warning 1");
  EXPECT_EQ(queue.get(), "warning 2");
  EXPECT_EQ(queue.get(), "data 1");
  EXPECT_EQ(queue.try_get(), "data 2");
  EXPECT_TRUE(queue.empty());
}

TEST(PriorityQueue, RefusesToReturnWhatItDoesNotHave) {
  PriorityQueue<int> queue;
  EXPECT_THROW(queue.get(), QueueEmptyError);
  EXPECT_THROW(queue.front(), QueueEmptyError);
  EXPECT_THROW(queue.front_priority(), QueueEmptyError);
  EXPECT_EQ(queue.try_get(), std::nullopt);
  queue.put(1);
  queue.get();
  EXPECT_THROW(queue.get(), QueueEmptyError) << "also where it keeps an empty bucket";
  EXPECT_THROW(queue.front(), QueueEmptyError);
}

TEST(PriorityQueue, RefusesNaN) {
  PriorityQueue<int> queue;
  EXPECT_THROW(queue.put(1, std::numeric_limits<double>::quiet_NaN()), InvalidArgumentError);
  EXPECT_TRUE(queue.empty());
  queue.put(2, 5);
  EXPECT_THROW(queue.put(1, std::numeric_limits<double>::quiet_NaN()), InvalidArgumentError);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.get(), 2);
}

TEST(PriorityQueue, KeepsTheOrderOf64BitNumbers) {
  const std::vector<Priority> rising = {std::numeric_limits<std::int64_t>::min(),
                                        std::int64_t{1} << 53,
                                        (std::int64_t{1} << 53) + 1,
                                        std::numeric_limits<std::int64_t>::max() - 1,
                                        std::numeric_limits<std::int64_t>::max(),
                                        std::numeric_limits<std::uint64_t>::max() - 1,
                                        std::numeric_limits<std::uint64_t>::max()};
  PriorityQueue<std::size_t> queue;
  for (std::size_t i = rising.size(); i-- != 0;) queue.put(i, rising[i]);
  for (std::size_t i = 0; i != rising.size(); ++i) EXPECT_EQ(queue.get(), i);
}

// If a step took linear time, this would take an hour, and the watchdog would end it.
TEST(PriorityQueue, HoldsAMillionDifferentPriorities) {
  constexpr std::uint32_t kCount = 1'000'000;
  std::vector<std::uint32_t> numbers(kCount);
  std::iota(numbers.begin(), numbers.end(), 0u);
  std::shuffle(numbers.begin(), numbers.end(), std::mt19937(3));

  PriorityQueue<std::uint32_t> queue;
  const std::size_t before = coproc_test::live_allocations();
  for (const std::uint32_t number : numbers) queue.put(number, number);
  EXPECT_GE(coproc_test::live_allocations(), before + kCount) << "the count below means something";
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(queue.get(), i);
  EXPECT_TRUE(queue.empty());
  EXPECT_LE(coproc_test::live_allocations(), before + 2 * 9) << "empty buckets were not given back";
}

TEST(PriorityQueue, GivesEmptyBucketsBackWhileOthersStay) {
  PriorityQueue<int> queue;
  queue.put(-1, std::numeric_limits<double>::infinity());
  const std::size_t before = coproc_test::live_allocations();
  for (int i = 0; i < 10'000; ++i) {
    queue.put(i, i);
    EXPECT_EQ(queue.get(), i);
  }
  EXPECT_LE(coproc_test::live_allocations(), before + 2 * 8);
  EXPECT_EQ(queue.get(), -1);
}

TEST(PriorityQueue, AllocatesNothingInASteadyState) {
  PriorityQueue<std::uint64_t> queue;
  const auto fill_and_empty = [&](int levels) {
    for (std::uint64_t i = 0; i < 40; ++i) queue.put(i, static_cast<int>(i) % levels);
    while (!queue.empty()) queue.get();
  };
  for (const int levels : {1, 2, 3, 4}) {
    for (int i = 0; i < 10; ++i) fill_and_empty(levels);
    const std::size_t warm = coproc_test::allocations();
    for (int i = 0; i < 1000; ++i) fill_and_empty(levels);
    EXPECT_EQ(coproc_test::allocations(), warm) << levels << " levels";
  }
}

TEST(PriorityQueue, AllocatesNothingWhileNew) {
  const std::size_t before = coproc_test::allocations();
  PriorityQueue<int> queue;
  PriorityQueue<int> moved = std::move(queue);
  EXPECT_EQ(moved.try_get(), std::nullopt);
  EXPECT_EQ(coproc_test::allocations(), before);
}

TEST(PriorityQueue, HoldsMoveOnlyValuesAndMoves) {
  PriorityQueue<std::unique_ptr<int>> queue;
  queue.put(std::make_unique<int>(2), 2);
  queue.put(std::make_unique<int>(1), 1);
  PriorityQueue<std::unique_ptr<int>> moved = std::move(queue);
  EXPECT_TRUE(queue.empty());  // NOLINT: a moved-from queue is an empty one
  queue.put(std::make_unique<int>(9), 1);
  moved.put(std::make_unique<int>(3), 1);
  EXPECT_EQ(**moved.try_get(), 1);
  EXPECT_EQ(*moved.get(), 3);
  moved = std::move(queue);
  EXPECT_EQ(moved.size(), 1u);
  EXPECT_EQ(*moved.get(), 9);
}

TEST(PriorityQueue, ErasesByPredicate) {
  PriorityQueue<int> queue;
  for (int i = 0; i < 100; ++i) queue.put(i, i % 5);
  queue.erase_if([](const int& value) { return value % 5 == 2 || value > 50; });
  EXPECT_EQ(queue.size(), 41u);
  std::vector<int> values;
  while (!queue.empty()) values.push_back(queue.get());
  std::vector<int> expected;
  for (const int level : {0, 1, 3, 4}) {
    for (int i = level; i <= 50; i += 5) expected.push_back(i);
  }
  EXPECT_EQ(values, expected);
  queue.erase_if([](const int&) { return true; });
  queue.put(1, 4);
  queue.erase_if([](const int&) { return true; });
  EXPECT_TRUE(queue.empty());
  EXPECT_THROW(queue.get(), QueueEmptyError);
  queue.put(2, 4);
  EXPECT_EQ(queue.get(), 2);
}

TEST(PriorityQueue, CountsWhatIsLeftWhenAPredicateThrows) {
  PriorityQueue<int> queue;
  for (int i = 0; i < 30; ++i) queue.put(i, i / 10);
  EXPECT_THROW(queue.erase_if([](int value) {
    if (value == 15) throw std::runtime_error("enough");
    return value < 10 || value == 11;
  }),
               std::runtime_error);
  EXPECT_EQ(queue.size(), 19u);
  EXPECT_EQ(queue.get(), 10);
  EXPECT_EQ(queue.get(), 12);
  EXPECT_EQ(queue.size(), 17u);
}

TEST(PriorityQueue, ReturnsWhatIsPutFirstBeforeItsEqualsAlone) {
  PriorityQueue<int> queue;
  for (int i = 0; i < 6; ++i) queue.put(i, i / 3);
  queue.put_first(10, 1);
  queue.put_first(11, 1);
  queue.put_first(12, 2);
  for (const int expected : {0, 1, 2, 11, 10, 3, 4, 5, 12}) EXPECT_EQ(queue.get(), expected);
  EXPECT_THROW(queue.put_first(0, std::nan("")), InvalidArgumentError);
  EXPECT_TRUE(queue.empty());
}

TEST(PriorityQueue, ClearsAndGoesOn) {
  PriorityQueue<int> queue;
  for (int i = 0; i < 1000; ++i) queue.put(i, i % 20);
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.try_get(), std::nullopt);
  queue.put(5, 7);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.get(), 5);
}

TEST(PriorityQueue, IsTheModelAfterAnyOperations) {
  std::mt19937 random(5);
  PriorityQueue<int> queue;
  std::multimap<int, int> model;  // keeps equal keys in the order of their insertion
  for (int i = 0; i < 300'000; ++i) {
    const bool grows = (i / 3000) % 2 == 0;
    if (random() % 20'000 == 0) {
      queue.clear();
      model.clear();
    } else if (random() % 100 < (grows ? 55u : 45u)) {
      const int priority = static_cast<int>(random() % 12);
      queue.put(i, priority);
      model.emplace(priority, i);
    } else if (model.empty()) {
      ASSERT_EQ(queue.try_get(), std::nullopt);
    } else {
      ASSERT_EQ(queue.front_priority(), Priority(model.begin()->first));
      ASSERT_EQ(queue.get(), model.begin()->second);
      model.erase(model.begin());
    }
    ASSERT_EQ(queue.size(), model.size());
  }
}

}  // namespace
}  // namespace coproc
