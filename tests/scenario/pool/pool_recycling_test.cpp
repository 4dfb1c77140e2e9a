// Workers of a pool that make place although they work.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <coproc/coproc.hpp>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using namespace pool_test;
using coproc::Pool;
using coproc::RecycleOptions;

namespace {

int pid_of(int) { return ::getpid(); }

std::size_t starts(Pool<>& pool) {
  std::size_t all = 0;
  for (const auto& worker : pool.insights().workers) all += worker.starts;
  return all;
}

TEST(PoolRecycling, AWorkerIsReplacedAfterSoManyTasks) {
  for (const std::size_t window : {0U, 1U, 4U}) {
    Pool pool{{.workers = 2, .window = window, .recycle = {.requests = 5, .spread = 0}}};
    std::map<int, int> tasks;
    for (const int pid : pool.map(pid_of, numbers(40))) ++tasks[pid];
    EXPECT_GE(tasks.size(), 8U);
    for (const auto& [pid, count] : tasks) EXPECT_LE(count, 5);
  }
}

TEST(PoolRecycling, EachWorkerHasALimitOfItsOwn) {
  Pool pool{{.workers = 1, .recycle = {.requests = 20, .spread = 1}}};
  std::map<int, int> tasks;
  for (const int pid : pool.map(pid_of, numbers(600))) ++tasks[pid];
  std::set<int> counts;
  for (const auto& [pid, count] : tasks) counts.insert(count);
  EXPECT_GE(counts.size(), 3U);
  EXPECT_LE(*counts.rbegin(), 40);
}

TEST(PoolRecycling, AWorkerThatHasGrownIsReplaced) {
  Pool pool{{.workers = 1, .recycle = {.memory = 256 << 20}}};
  const auto grow = [](std::size_t bytes) {
    static std::vector<std::string> kept;
    kept.emplace_back(bytes, 'x');
    return ::getpid();
  };
  const int first = pool.submit(grow, 1).get();
  for (int i = 0; i != 30; ++i) {
    EXPECT_EQ(pool.submit(grow, 1).get(), first);
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(pool.submit(grow, 384 << 20).get(), first);
  while (pool.submit(grow, 1).get() == first) std::this_thread::sleep_for(1ms);
  EXPECT_GE(pool.insights().workers[0].peak_memory_bytes, std::size_t{384} << 20);
}

TEST(PoolRecycling, AnIdleWorkerIsReplacedWhenItIsOldEnough_IfAThreadOfThePoolLooks) {
  Pool pool{{.workers = 2, .recycle = {.age = 200ms}, .background = true}};
  EXPECT_NE(pool.submit(pid_of, 0).get(), 0);
  while (starts(pool) < 8) std::this_thread::sleep_for(5ms);
  expect_usable(pool);
}

TEST(PoolRecycling, AnEventLoopIsWokenForAnIdleWorkerThatIsOldEnough) {
  Pool pool{{.workers = 1, .recycle = {.age = 200ms}}};
  const auto is_readable = [&] {
    pollfd entry{pool.native_handle(), POLLIN, 0};
    return ::poll(&entry, 1, -1) == 1;
  };
  while (starts(pool) < 4) {
    ASSERT_TRUE(is_readable());
    pool.poll();
  }
}

TEST(PoolRecycling, AWorkerThatIsOldFromItsBeginningStillRunsTasks) {
  Pool pool{{.workers = 2, .recycle = {.age = 1ns}}};
  expect_usable(pool);
  Pool large{{.workers = 2, .recycle = {.memory = 1}}};
  expect_usable(large);
}

TEST(PoolRecycling, NothingIsLostUnderLoad) {
  Pool pool{{.workers = 3, .recycle = {.requests = 50, .age = 20ms}}};
  for (int round = 0; round != 5; ++round) {
    const std::vector<int> squares = pool.map(square, numbers(2000));
    ASSERT_EQ(squares.size(), 2000U);
    for (int i = 0; i != 2000; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
  }
  EXPECT_GE(starts(pool), 100U);
}

TEST(PoolRecycling, AWorkerThatMakesPlaceIsNotCountedAsOneThatHasEnded) {
  Pool pool{{.workers = 2, .restart = {.most = 0}, .recycle = {.requests = 1}}};
  EXPECT_EQ(static_cast<std::vector<int>>(pool.map(square, numbers(20))).size(), 20U);
}

TEST(PoolRecycling, AWorkerThatDoesNotCloseIsKilledAfterItsGrace) {
  struct Stubborn {
    int value = 0;
    ~Stubborn() { support::sleep_for_ever(); }
  };
  const auto init = [] { return Stubborn{}; };
  const coproc::WorkerOptions soon{.stop = {.close = 0s, .terminate = 0s}};
  coproc::Pool pool{init, {.workers = 1, .recycle = {.requests = 1, .grace = 100ms}, .worker = soon}};
  const auto own_pid = [](Stubborn&, int) { return ::getpid(); };
  const int first = pool.submit(own_pid, 0).get();
  EXPECT_NE(pool.submit(own_pid, 0).get(), first);
}

TEST(PoolRecycling, OptionsThatMakeNoSenseAreRefused) {
  EXPECT_THROW(Pool({.workers = 1, .recycle = {.age = -1s}}), coproc::InvalidArgumentError);
  EXPECT_THROW(Pool({.workers = 1, .recycle = {.spread = 2}}), coproc::InvalidArgumentError);
  EXPECT_THROW(Pool({.workers = 1, .recycle = {.overlap = true}}), coproc::InvalidArgumentError);
  EXPECT_THROW(coproc::LazyPool({.workers = 1, .recycle = {.grace = -1s}}), coproc::InvalidArgumentError);
}

}  // namespace
