#include "pool/task_list.hpp"

#include <gtest/gtest.h>

#include <vector>

using namespace coproc;
using detail::TaskList;
using detail::TaskPtr;

namespace {

class Numbered final : public detail::Task {
 public:
  explicit Numbered(std::uint64_t number) { index = number; }
  void encode(Encoder&) const override {}
};

TaskList list_of(std::initializer_list<std::uint64_t> numbers) {
  TaskList list;
  for (const std::uint64_t number : numbers) list.push_back(std::make_unique<Numbered>(number));
  return list;
}

std::vector<std::uint64_t> numbers_of(const TaskList& list) {
  std::vector<std::uint64_t> numbers;
  for (const detail::Task& task : list) numbers.push_back(task.index);
  EXPECT_EQ(numbers.size(), list.calls());
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

TEST(TaskList, KeepsTheOrder) {
  TaskList list = list_of({1, 2});
  list.push_front(std::make_unique<Numbered>(0));
  list.append(list_of({3, 4}));
  list.prepend(list_of({8, 9}));
  EXPECT_EQ(numbers_of(list), (Numbers{8, 9, 0, 1, 2, 3, 4}));
  EXPECT_EQ(list.pop_front()->index, 8U);
  EXPECT_EQ(list.front().index, 9U);
}

TEST(TaskList, TakesSomeOutAndKeepsTheOthers) {
  TaskList list = list_of({0, 1, 2, 3, 4, 5});
  const TaskList odd = list.take_if([](const detail::Task& task) { return task.index % 2 == 1; });
  EXPECT_EQ(numbers_of(odd), (Numbers{1, 3, 5}));
  EXPECT_EQ(numbers_of(list), (Numbers{0, 2, 4}));
  EXPECT_EQ(list.take_if([](const detail::Task&) { return true; }).calls(), 3U);
  EXPECT_TRUE(list.empty());
  list.push_back(std::make_unique<Numbered>(7));
  EXPECT_EQ(numbers_of(list), Numbers{7});
}

TEST(TaskList, SplitsTheFirstCallsOff) {
  auto several = std::make_unique<Numbered>(4);
  several->calls = 3;
  TaskList all;
  all.push_back(std::move(several));
  all.append(list_of({9}));
  EXPECT_EQ(all.calls(), 4U);
  all.front().results.append("12", 2);
  const detail::TaskPtr first = all.pop_front(2);
  EXPECT_EQ(first->index, 4U);
  EXPECT_EQ(first->calls, 2U);
  EXPECT_EQ(first->results.size(), 2U);
  EXPECT_EQ(all.front().index, 6U);
  EXPECT_EQ(all.front().begin, 2U);
  EXPECT_EQ(all.pop_front(1)->index, 6U);
  EXPECT_EQ(all.pop_front(1)->index, 9U);
  EXPECT_EQ(all.calls(), 0U);
  EXPECT_TRUE(all.empty());
}

TEST(TaskList, ManyAreDroppedWithoutADeepStack) {
  TaskList list;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) list.push_back(std::make_unique<Numbered>(i));
  list.clear();
  EXPECT_TRUE(list.empty());
}

}  // namespace
