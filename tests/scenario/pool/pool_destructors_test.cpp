// Arguments and functions of tasks are destroyed where the pool is not locked: their destructors may call it.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using namespace pool_test;

namespace {

std::function<void()> on_destruction;  // in the host
int destroyed = 0;

/// An argument, and the member of a function.
struct Calls {
  int number = 0;
  ~Calls() {
    if (!on_destruction) return;
    ++destroyed;
    on_destruction();
  }
};

struct Function {
  Calls member;
  int operator()(const Calls& argument, const std::string& path) const {
    if (argument.number < 0) throw std::out_of_range("negative");
    if (!path.empty()) wait_for(path);
    return argument.number;
  }
};

class PoolDestructors : public testing::TestWithParam<bool> {
 protected:
  PoolDestructors() {
    on_destruction = [&] {
      (void)pool.pending();
      (void)pool.insights();
    };
    destroyed = 0;
  }
  ~PoolDestructors() override { on_destruction = nullptr; }

  support::TemporaryFile go;
  Pool<> pool{{.workers = 1, .window = 3, .background = GetParam()}};
};

TEST_P(PoolDestructors, MayCallThePoolWhereATaskIsCancelled) {
  auto first = pool.submit(Function(), Calls{1}, go.path());
  auto in_window = pool.submit(Function(), Calls{2}, std::string());
  std::vector<coproc::Task<int>> queued;
  for (int i = 0; i < 5; ++i) queued.push_back(pool.submit(Function(), Calls{i}, std::string()));
  EXPECT_FALSE(in_window.wait_for(1ms));
  const int before = destroyed;
  for (auto& task : queued) EXPECT_TRUE(task.cancel());
  EXPECT_TRUE(in_window.cancel());
  EXPECT_GE(destroyed, before + 2 * 3);
  leave_mark(go.path());
  EXPECT_EQ(first.get(), 1);
  expect_usable(pool);
}

TEST_P(PoolDestructors, MayCallThePoolWhereAMapIsAbandoned) {
  {
    std::vector<Calls> inputs(50);
    auto results = pool.map([](const Calls& calls) { return calls.number; }, inputs);
    EXPECT_EQ(*results.begin(), 0);
  }
  expect_usable(pool);
  EXPECT_GE(destroyed, 51);
}

TEST_P(PoolDestructors, MayCallThePoolWhereAMapEndsByAnError) {
  std::vector<Calls> inputs(50);
  inputs[3].number = -1;
  const auto fails = [](const Calls& calls) { return Function()(calls, {}); };
  const auto collect = [&] { (void)pool.map(fails, inputs, {.stop_on_error = true}).collect(); };
  EXPECT_THROW(collect(), std::out_of_range);
  expect_usable(pool);
}

TEST_P(PoolDestructors, MayCallThePoolWhereNobodyReadsATask) {
  for (int i = 0; i < 5; ++i) (void)pool.submit(Function(), Calls{i}, std::string());
  EXPECT_TRUE(pool.wait());
  EXPECT_GE(destroyed, 10);
  expect_usable(pool);
}

TEST_P(PoolDestructors, MayCallThePoolWhereItIsStopped) {
  {
    std::vector<coproc::Task<int>> tasks;
    for (int i = 0; i < 9; ++i) tasks.push_back(pool.submit(Function(), Calls{i}, go.path()));
    for (int i = 0; i < 9; ++i) (void)pool.submit(Function(), Calls{i}, go.path());
    pool.stop();
  }
  EXPECT_GE(destroyed, 2 * 18);
}

INSTANTIATE_TEST_SUITE_P(Driven, PoolDestructors, testing::Bool(),
                         [](const auto& driven) { return std::string(driven.param ? "ByAThread" : "ByWhoWaits"); });

}  // namespace
