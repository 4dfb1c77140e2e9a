#include "coproc/queues/priority_multi_queue.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>

#include "messenger/queues/allocation_count.hpp"

namespace coproc {
namespace {

TEST(PriorityMultiQueue, OrdersEachKeyByPriority) {
  PriorityMultiQueue<std::string, std::string> queue;
  queue.put("late", "a", 9);
  queue.put("other", "b", 1);
  queue.put("early", "a", -9);
  queue.put("late too", "a", 9.0);
  queue.put("now", "a");
  EXPECT_EQ(queue.size(), 5u);
  EXPECT_EQ(queue.size("a"), 4u);
  EXPECT_EQ(queue.front("a"), "now");
  EXPECT_EQ(queue.front_priority("b"), Priority(1));
  EXPECT_EQ(queue.get("a"), "now");
  EXPECT_EQ(queue.get("a"), "early");
  EXPECT_EQ(queue.get("a"), "late");
  EXPECT_EQ(queue.try_get("a"), "late too");
  EXPECT_EQ(queue.try_get("a"), std::nullopt);
  EXPECT_THROW(queue.get("a"), QueueEmptyError);
  EXPECT_THROW(queue.front("a"), QueueEmptyError);
  EXPECT_THROW(queue.front_priority("a"), QueueEmptyError);
  EXPECT_EQ(queue.key_count(), 1u);
  EXPECT_EQ(queue.get("b"), "other");
  EXPECT_TRUE(queue.empty());
}

TEST(PriorityMultiQueue, RefusesNaNAndLeavesNoEmptyQueueBehind) {
  PriorityMultiQueue<int, int> queue;
  EXPECT_THROW(queue.put(1, 7, std::numeric_limits<double>::quiet_NaN()), InvalidArgumentError);
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.key_count(), 0u);
  EXPECT_THROW(queue.get(7), QueueEmptyError);
}

TEST(PriorityMultiQueue, GivesEmptyQueuesBack) {
  PriorityMultiQueue<int, int> queue;
  queue.put(0, -1);
  const std::size_t before = coproc_test::live_allocations();
  for (int key = 0; key < 10'000; ++key) {
    queue.put(key, key, key);
    EXPECT_EQ(queue.get(key), key);
  }
  EXPECT_EQ(queue.key_count(), 1u);
  EXPECT_LE(coproc_test::live_allocations(), before + 3 * 8);
}

TEST(PriorityMultiQueue, AllocatesNothingInASteadyState) {
  PriorityMultiQueue<int, int> queue;
  const auto fill_and_empty = [&] {
    for (int i = 0; i < 40; ++i) queue.put(i, i % 4, i % 3);
    for (int i = 0; i < 40; ++i) queue.get(i % 4);
  };
  for (int i = 0; i < 50; ++i) fill_and_empty();
  const std::size_t warm = coproc_test::allocations();
  for (int i = 0; i < 1000; ++i) fill_and_empty();
  EXPECT_EQ(coproc_test::allocations(), warm);
}

TEST(PriorityMultiQueue, HoldsMoveOnlyValuesAndClears) {
  PriorityMultiQueue<int, std::unique_ptr<int>> queue;
  for (int i = 0; i < 10; ++i) queue.put(std::make_unique<int>(i), i % 2, -i);
  queue.clear(0);
  EXPECT_EQ(queue.size(), 5u);
  auto moved = std::move(queue);
  EXPECT_EQ(*moved.get(1), 9);
  moved.clear();
  EXPECT_TRUE(moved.empty());
}

}  // namespace
}  // namespace coproc
