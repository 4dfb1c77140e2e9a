#include "coproc/queues/multi_queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "messenger/queues/allocation_count.hpp"

namespace coproc {
namespace {

enum class Channel { data, warning };

TEST(MultiQueue, KeepsKeysApartAndTheirOrder) {
  MultiQueue<std::string, int> queue;
  for (int i = 0; i < 10; ++i) queue.put(i, i % 2 == 0 ? "even" : "odd");
  EXPECT_EQ(queue.size(), 10u);
  EXPECT_EQ(queue.size("even"), 5u);
  EXPECT_EQ(queue.size("neither"), 0u);
  EXPECT_EQ(queue.key_count(), 2u);
  EXPECT_EQ(queue.front("odd"), 1);
  for (int i = 1; i < 10; i += 2) EXPECT_EQ(queue.get("odd"), i);
  EXPECT_TRUE(queue.empty("odd"));
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.key_count(), 1u);
  for (int i = 0; i < 10; i += 2) EXPECT_EQ(queue.try_get("even"), i);
  EXPECT_TRUE(queue.empty());
}

TEST(MultiQueue, RefusesToReturnWhatItDoesNotHave) {
  MultiQueue<Channel, int> queue;
  queue.put(1, Channel::data);
  EXPECT_THROW(queue.get(Channel::warning), QueueEmptyError);
  EXPECT_THROW(queue.front(Channel::warning), QueueEmptyError);
  EXPECT_EQ(queue.try_get(Channel::warning), std::nullopt);
  EXPECT_EQ(queue.size(), 1u);
  queue.get(Channel::data);
  EXPECT_THROW(queue.get(Channel::data), QueueEmptyError);
}

TEST(MultiQueue, GivesEmptyQueuesBack) {
  MultiQueue<int, int> queue;
  queue.put(0, -1);
  const std::size_t before = coproc_test::live_allocations();
  for (int key = 0; key < 10'000; ++key) {
    queue.put(key, key);
    EXPECT_EQ(queue.get(key), key);
  }
  EXPECT_EQ(queue.key_count(), 1u);
  EXPECT_LE(coproc_test::live_allocations(), before + 2 * 8);
}

TEST(MultiQueue, AllocatesNothingInASteadyState) {
  MultiQueue<int, int> queue;
  const auto fill_and_empty = [&] {
    for (int i = 0; i < 20; ++i) queue.put(i, i % 4);
    for (int i = 0; i < 20; ++i) queue.get(i % 4);
  };
  for (int i = 0; i < 10; ++i) fill_and_empty();
  const std::size_t warm = coproc_test::allocations();
  for (int i = 0; i < 1000; ++i) fill_and_empty();
  EXPECT_EQ(coproc_test::allocations(), warm);
}

TEST(MultiQueue, HoldsMoveOnlyValuesAndMoves) {
  MultiQueue<int, std::unique_ptr<int>> queue;
  queue.put(std::make_unique<int>(1), 1);
  queue.put(std::make_unique<int>(2), 2);
  auto moved = std::move(queue);
  EXPECT_EQ(queue.size(), 0u);  // NOLINT: a moved-from queue is an empty one
  EXPECT_EQ(**moved.try_get(2), 2);
  queue = std::move(moved);
  EXPECT_EQ(*queue.get(1), 1);
}

TEST(MultiQueue, ClearsOneKeyOrAll) {
  MultiQueue<int, int> queue;
  for (int i = 0; i < 30; ++i) queue.put(i, i % 3);
  queue.clear(1);
  queue.clear(77);
  EXPECT_EQ(queue.size(), 20u);
  EXPECT_EQ(queue.size(1), 0u);
  queue.put(5, 1);
  EXPECT_EQ(queue.get(1), 5);
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.key_count(), 0u);
  EXPECT_EQ(queue.try_get(0), std::nullopt);
}

}  // namespace
}  // namespace coproc
