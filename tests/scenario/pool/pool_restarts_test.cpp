// How often, and how soon, workers of a pool are replaced that end by themselves.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <coproc/coproc.hpp>
#include <string>
#include <thread>
#include <vector>

#include "scenario/hangs.hpp"
#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using namespace pool_test;
using coproc::Pool;
using coproc::PoolBrokenError;
using coproc::PoolRestartOptions;
using coproc::WorkerDiedError;
using testing::HasSubstr;

namespace {

int die(int signal) {
  ::kill(::getpid(), signal);
  return 0;
}

/// Waits for the failures of so many tasks that kill their workers.
template <class P>
void let_die(P& pool, int times) {
  for (int i = 0; i != times; ++i) EXPECT_THROW((void)pool.submit(die, SIGKILL).get(), WorkerDiedError) << i;
}

std::size_t starts(Pool<>& pool) {
  std::size_t all = 0;
  for (const auto& worker : pool.insights().workers) all += worker.starts;
  return all;
}

TEST(PoolRestarts, WithoutALimitWorkersMayEndAsOftenAsTheyLike) {
  Pool pool{{.workers = 1}};
  let_die(pool, 20);
  expect_usable(pool);
}

TEST(PoolRestarts, OneEndTooManyFailsTheTasksThatWait_AndTheNextTaskStartsWorkersAgain) {
  Pool pool{{.workers = 1, .restart = {.most = 3}}};
  for (int round = 0; round != 2; ++round) {
    let_die(pool, 3);
    auto last = pool.submit(die, SIGTERM);
    auto waiting = pool.submit(square, 3);
    EXPECT_THROW((void)last.get(), WorkerDiedError);
    try {
      (void)waiting.get();
      ADD_FAILURE() << "a result";
    } catch (const PoolBrokenError& broken) {
      const std::string text = broken.what();
      EXPECT_THAT(text, HasSubstr("more than 3 of its workers have ended within 60"));
      EXPECT_EQ(std::ranges::count(text, '\n'), 4) << text;
      EXPECT_THAT(text, HasSubstr("was killed by SIGKILL"));
      EXPECT_THAT(text, HasSubstr("was killed by SIGTERM"));
    }
    expect_usable(pool);
  }
}

TEST(PoolRestarts, TasksThatOtherWorkersRunGoOn) {
  Pool pool{{.workers = 2, .restart = {.most = 0}}};
  const support::TemporaryFile begun, go_on;
  const auto run = [](const std::string& mark, const std::string& until) {
    leave_mark(mark);
    return wait_for(until);
  };
  auto running = pool.submit(run, begun.path(), go_on.path());
  drive_until_begun(running, begun.path());
  EXPECT_THROW((void)pool.submit(die, SIGKILL).get(), WorkerDiedError);
  leave_mark(go_on.path());
  EXPECT_EQ(running.get(), 1);
  expect_usable(pool);
}

TEST(PoolRestarts, AMapWhoseTasksKillTheirWorkersFailsAsAWhole) {
  Pool pool{{.workers = 2, .restart = {.most = 5}}};
  int died = 0, broken = 0;
  auto results = pool.map_unordered([](int) { return die(SIGKILL); }, numbers(1000)).as_results();
  try {
    for (auto& result : results) died += result.has_value() ? 0 : 1;
  } catch (const PoolBrokenError&) {
    ++broken;
  }
  EXPECT_EQ(broken, 1);
  EXPECT_EQ(died, 6);
  expect_usable(pool);
}

TEST(PoolRestarts, EndsByATimeLimitOrByCancelDoNotCount_ButHangsDo) {
  Pool pool{{.workers = 1, .restart = {.most = 0}, .health = {.reply = 300ms}}};
  const auto spin = [](int) { return hangs::spin_on(), 0; };
  const coproc::TaskOptions limit{.time_limit = 50ms};
  auto limited = pool.submit(limit, spin, 0);
  auto behind_it = pool.submit(square, 2);  // it would fail if the end counted
  EXPECT_THROW((void)limited.get(), coproc::TaskTimeoutError);
  EXPECT_EQ(behind_it.get(), 4);
  const support::TemporaryFile begun;
  auto cancelled = pool.submit(write_and_hang, begun.path());
  behind_it = pool.submit(square, 3);
  drive_until_begun(cancelled, begun.path());
  EXPECT_TRUE(cancelled.cancel());
  EXPECT_EQ(behind_it.get(), 9);
  auto hung = pool.submit(spin, 0);
  auto waiting = pool.submit(square, 3);
  EXPECT_THROW((void)hung.get(), WorkerDiedError);
  EXPECT_THROW((void)waiting.get(), PoolBrokenError);
}

TEST(PoolRestarts, EndsThatAreLongAgoDoNotCount) {
  Pool pool{{.workers = 1, .restart = {.most = 1, .within = 200ms}}};
  for (int i = 0; i != 4; ++i) {
    let_die(pool, 1);
    EXPECT_EQ(pool.submit(square, 2).get(), 4);
    std::this_thread::sleep_for(250ms);
  }
}

TEST(PoolRestarts, StartsThatFailCount) {
  const auto init = [] { return ::_exit(3), 1; };
  coproc::Pool pool{init, {.workers = 3, .restart = {.most = 1}}};
  try {
    (void)pool.submit([](int&, int x) { return x; }, 1).get();
    ADD_FAILURE() << "a result";
  } catch (const PoolBrokenError& broken) {
    EXPECT_THAT(broken.what(), HasSubstr("more than 1 of its workers have ended"));
    EXPECT_THAT(broken.what(), HasSubstr("exited with code 3"));
  }
}

TEST(PoolRestarts, TheBackoffIsKeptBetweenWorkersThatEndBeforeTheyHaveDoneAnything) {
  const auto begin = std::chrono::steady_clock::now();
  const auto init = [] { return ::_exit(3), 1; };
  // The third failure in succession breaks the pool. Before it come the delays `first` and `then`.
  coproc::Pool pool{init,
                    {.workers = 1, .restart = {.backoff = {.first = 200ms, .then = 400ms, .most = 10s, .spread = 0}}}};
  EXPECT_THROW((void)pool.submit([](int&, int x) { return x; }, 1).get(), PoolBrokenError);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 600ms);
}

TEST(PoolRestarts, AWorkerThatEndsWhileItIsIdleIsReplacedAfterTheBackoff) {
  Pool pool{{.workers = 1, .restart = {.backoff = {.first = 400ms, .spread = 0}}, .background = true}};
  const int pid = pool.submit([](int) { return ::getpid(); }, 0).get();
  const auto begin = std::chrono::steady_clock::now();
  ::kill(pid, SIGKILL);
  while (starts(pool) < 2) std::this_thread::sleep_for(1ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 400ms);
  expect_usable(pool);
}

TEST(PoolRestarts, OptionsThatMakeNoSenseAreRefused) {
  const auto refused = [](PoolRestartOptions options) {
    EXPECT_THROW(Pool({.workers = 1, .restart = options}), coproc::InvalidArgumentError);
    EXPECT_THROW(coproc::LazyPool({.workers = 1, .restart = options}), coproc::InvalidArgumentError);
  };
  refused({.within = 0s});
  refused({.backoff = {.factor = 0.5}});
  refused({.backoff = {.first = -1s}});
}

}  // namespace
