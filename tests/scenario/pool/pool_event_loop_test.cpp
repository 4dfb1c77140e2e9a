// A pool that is driven by an event loop of the host: Pool::native_handle() and Pool::poll().
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <coproc/coproc.hpp>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::Task;
using namespace pool_test;

namespace {

bool is_readable(Pool<>& pool, int timeout_ms) {
  pollfd entry{pool.native_handle(), POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

/// A loop that has nothing but the pool. Returns the number of its turns until `is_over`.
int run_loop(Pool<>& pool, const std::function<bool()>& is_over) {
  int turns = 0;
  while (!is_over()) {
    EXPECT_TRUE(is_readable(pool, -1));
    pool.poll();
    ++turns;
  }
  return turns;
}

/// Lets the loop do what there is to do, until nothing was for a while.
void settle(Pool<>& pool) {
  while (is_readable(pool, 200)) pool.poll();
}

/// Returns the number of turns in the time for which nothing happens.
int count_idle_turns(Pool<>& pool, std::chrono::milliseconds time) {
  int turns = 0;
  const auto end = std::chrono::steady_clock::now() + time;
  for (auto left = time; left > 0ms;
       left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now())) {
    if (!is_readable(pool, static_cast<int>(left.count()))) break;
    pool.poll();
    ++turns;
  }
  return turns;
}

TEST(PoolEventLoop, DrivesAllTasksToTheirEnds) {
  Pool pool{{.workers = 2}};
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 500; ++i) tasks.push_back(pool.submit(square, i));
  std::size_t ended = 0;
  run_loop(pool, [&] {
    while (ended != tasks.size() && tasks[ended].is_done()) ++ended;
    return ended == tasks.size();
  });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(tasks[static_cast<std::size_t>(i)].get(), i * i);
}

TEST(PoolEventLoop, SleepsWhileTheWorkersAreIdle) {
  Pool pool{{.workers = 2}};
  auto task = pool.submit(square, 3);
  run_loop(pool, [&] { return task.is_done(); });
  settle(pool);
  EXPECT_EQ(count_idle_turns(pool, 500ms), 0);
  EXPECT_EQ(task.get(), 9);
}

TEST(PoolEventLoop, SleepsWhileALongTaskRuns) {
  const support::TemporaryFile begun, go;
  Pool pool{{.workers = 1}};
  auto task = pool.submit(
      {.time_limit = 60s},
      [](const std::string& mark, const std::string& end) {
        leave_mark(mark);
        return wait_for(end);
      },
      begun.path(), go.path());
  while (begun.text().empty()) {
    if (is_readable(pool, 1)) pool.poll();
  }
  settle(pool);
  EXPECT_EQ(count_idle_turns(pool, 500ms), 0);
  leave_mark(go.path());
  run_loop(pool, [&] { return task.is_done(); });
  EXPECT_EQ(task.get(), 1);
}

TEST(PoolEventLoop, IsNotReadableForNothingWhileOneTaskWaitsBehindALongOne) {
  const support::TemporaryFile go;
  Pool pool{{.workers = 1, .window = 2}};
  auto first = pool.submit(wait_for, go.path());
  auto second = pool.submit(wait_for, go.path());
  // It has to look at intervals that grow up to 50 ms, because results may arrive unannounced.
  EXPECT_LE(count_idle_turns(pool, 1000ms), 40);
  leave_mark(go.path());
  run_loop(pool, [&] { return first.is_done() && second.is_done(); });
}

TEST(PoolEventLoop, AResultThatArrivesBetweenThePollAndTheWaitIsNotLost) {
  Pool pool{{.workers = 1, .window = 1}};
  for (int i = 0; i < 2000; ++i) {
    auto task = pool.submit(square, i);
    run_loop(pool, [&] {
      if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i % 50));
      return task.wait_for(0s);
    });
    ASSERT_EQ(task.get(), i * i);
  }
}

TEST(PoolEventLoop, NoticesTheEndOfAWorkerAndReplacesIt) {
  const support::TemporaryFile begun;
  Pool pool{{.workers = 1}};
  for (int round = 0; round < 5; ++round) {
    const auto before = begun.text().size();
    auto task = pool.submit(write_and_hang, begun.path());
    while (begun.text().size() == before) {
      if (is_readable(pool, 1)) pool.poll();
    }
    ::kill(pool.pids().at(0), SIGKILL);
    run_loop(pool, [&] { return task.is_done(); });
    EXPECT_THROW(task.get(), coproc::WorkerDiedError);
  }
  auto task = pool.submit(square, 4);
  run_loop(pool, [&] { return task.is_done(); });
  EXPECT_EQ(task.get(), 16);
  settle(pool);
  EXPECT_EQ(count_idle_turns(pool, 300ms), 0);
}

TEST(PoolEventLoop, ReplacesAnIdleWorkerThatWasKilled) {
  Pool pool{{.workers = 2}};
  const int killed = pool.pids().at(0);
  settle(pool);
  ::kill(killed, SIGKILL);
  run_loop(pool, [&] {
    const std::vector<int> pids = pool.pids();
    return pids.size() == 2 && pids[0] != killed;
  });
  settle(pool);
  EXPECT_EQ(count_idle_turns(pool, 300ms), 0);
}

TEST(PoolEventLoop, TellsWhenATimeLimitHasPassed) {
  Pool pool{{.workers = 1}};
  // The task blocks the signal of its timer, so that the host has to kill its worker when that is due.
  auto task = pool.submit({.time_limit = 100ms}, [] {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    support::sleep_for_ever();
    return 0;
  });
  run_loop(pool, [&] { return task.is_done(); });
  EXPECT_THROW(task.get(), coproc::TaskTimeoutError);
}

TEST(PoolEventLoop, StartsWorkersAgainAfterABackOff) {
  const support::TemporaryFile go;
  struct Init {
    std::string path;
    int operator()() const {
      if (std::ifstream(path).peek() == EOF) throw std::runtime_error("not yet");
      return 1;
    }
  };
  Pool pool{Init{go.path()}, {.workers = 1}};
  auto broken = pool.submit([](int& state) { return state; });
  pollfd entry{pool.native_handle(), POLLIN, 0};
  while (!broken.is_done()) {
    ASSERT_EQ(::poll(&entry, 1, -1), 1);
    pool.poll();
  }
  EXPECT_THROW(broken.get(), coproc::PoolBrokenError);
  leave_mark(go.path());
  auto task = pool.submit([](int& state) { return state; });
  while (!task.is_done()) {
    ASSERT_EQ(::poll(&entry, 1, -1), 1);
    pool.poll();
  }
  EXPECT_EQ(task.get(), 1);
}

TEST(PoolEventLoop, ACancelledTaskIsTold) {
  const support::TemporaryFile begun;
  Pool pool{{.workers = 1}};
  auto running = pool.submit(write_and_hang, begun.path());
  auto queued = pool.submit(square, 2);
  while (begun.text().empty()) {
    if (is_readable(pool, 1)) pool.poll();
  }
  settle(pool);
  EXPECT_TRUE(running.cancel());
  run_loop(pool, [&] { return queued.is_done(); });
  EXPECT_THROW(running.get(), coproc::TaskCancelledError);
  EXPECT_EQ(queued.get(), 4);
}

TEST(PoolEventLoop, IsReadableAgainOnceUnreadResultsAreRead) {
  Pool pool{{.workers = 1, .worker = {.link = {.max_queued_bytes = 100'000}}}};
  const auto large = [](int size) { return std::string(static_cast<std::size_t>(size), 'x'); };
  std::vector<Task<std::string>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(pool.submit(large, 60'000));
  run_loop(pool, [&] { return tasks[1].is_done(); });
  settle(pool);
  EXPECT_EQ(count_idle_turns(pool, 300ms), 0);  // although there are results in the link
  for (auto& task : tasks) {
    run_loop(pool, [&] { return task.is_done(); });
    EXPECT_EQ(task.get().size(), 60'000U);
  }
}

TEST(PoolEventLoop, IsNotMadeWithABackgroundThread) {
  Pool pool{{.workers = 1, .background = true}};
  EXPECT_THROW((void)pool.native_handle(), coproc::InvalidArgumentError);
  pool.poll();
  EXPECT_EQ(pool.submit(square, 2).get(), 4);
}

TEST(PoolEventLoop, IsQuietAfterTheStop) {
  Pool pool{{.workers = 2}};
  auto task = pool.submit([] { support::sleep_for_ever(); });
  settle(pool);
  pool.stop();
  EXPECT_TRUE(is_readable(pool, -1));  // the task was cancelled
  pool.poll();
  EXPECT_TRUE(task.is_done());
  EXPECT_FALSE(is_readable(pool, 0));
}

/// Several threads: one runs the loop, and the others wait for results of their own.
TEST(OneProcessPool, ALoopGoesOnWhileOtherThreadsWait) {
  Pool pool{{.workers = 2}};
  (void)pool.native_handle();
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) wrong += pool.submit(square, i).get() != i * i;
    });
  }
  for (int i = 0; i < 200; ++i) {
    auto task = pool.submit(square, i);
    run_loop(pool, [&] { return task.is_done(); });
    EXPECT_EQ(task.get(), i * i);
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST(PoolEventLoop, IsToldOfWhatAnotherThreadHasTakenIn) {
  const support::TemporaryFile go;
  Pool pool{{.workers = 2}};
  (void)pool.native_handle();
  auto waits = pool.submit(wait_for, go.path());
  std::jthread other([&] { EXPECT_EQ(waits.get(), 1); });
  for (int i = 0; i < 300; ++i) {
    auto task = pool.submit(square, i);
    run_loop(pool, [&] { return task.wait_for(0s); });
    EXPECT_EQ(task.get(), i * i);
  }
  leave_mark(go.path());
}

}  // namespace
