// What a pool does when workers die, hang, or are to be ended: deaths, time limits, cancelled tasks.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::PoolBrokenError;
using coproc::TaskCancelledError;
using coproc::TaskTimeoutError;
using coproc::WorkerDiedError;
using namespace pool_test;

namespace {

int own_pid_after_a_while(int) {
  std::this_thread::sleep_for(1ms);
  return ::getpid();
}

int die_at_17(int x) {
  if (x == 17) ::kill(::getpid(), SIGKILL);
  return x;
}

// ---- a worker dies ----

TEST(PoolDeaths, TheDeathOfAWorkerFailsTheTaskThatItRanAndNoOther) {
  for (const std::size_t window : {std::size_t{0}, std::size_t{20}}) {
    Pool pool{{.workers = 2, .window = window}};
    std::size_t good = 0;
    for (auto& result : pool.map(die_at_17, numbers(200)).as_results()) {
      if (result.has_value()) {
        EXPECT_EQ(result.value(), static_cast<int>(result.index()));
        ++good;
        continue;
      }
      EXPECT_EQ(result.index(), 17U);
      try {
        result.value();
      } catch (const WorkerDiedError& error) {
        EXPECT_EQ(error.task(), 17U);
        EXPECT_EQ(error.exit_status().signal(), SIGKILL);
        EXPECT_NE(std::string(error.what()).find("while it ran task 17"), std::string::npos) << error.what();
      }
    }
    EXPECT_EQ(good, 199U);
    expect_usable(pool);
    std::size_t starts = 0;
    for (const auto& worker : pool.insights().workers) starts += worker.starts;
    EXPECT_EQ(starts, 3U);
  }
}

TEST(PoolDeaths, ATaskWhoseWorkerDiedIsRunAgainIfThatIsAllowed) {
  const support::TemporaryFile file;
  const auto die_at_first = [](const std::string& path) {
    leave_mark(path);
    if (std::ifstream(path).seekg(0, std::ios::end).tellg() < 3) ::abort();
    return 7;
  };
  Pool pool{{.workers = 2}};
  EXPECT_THROW(pool.submit({.max_retries = 1}, die_at_first, file.path()).get(), WorkerDiedError);
  EXPECT_EQ(pool.submit({.max_retries = 1}, die_at_first, file.path()).get(), 7);
  EXPECT_EQ(file.text(), "xxx");
}

TEST(PoolDeaths, AnIdleWorkerThatIsKilledIsReplaced) {
  Pool pool{{.workers = 2}};
  expect_usable(pool);
  for (int pid : pool.pids()) {
    ::kill(pid, SIGKILL);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT), 0);
  }
  expect_usable(pool);
}

TEST(PoolDeaths, AWorkerThatIsAskedToExitByItsTaskIsOneThatDied) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit([] { ::exit(3); });
  try {
    task.get();
    ADD_FAILURE() << "no error came";
  } catch (const WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().code(), 3);
  }
  expect_usable(pool);
}

TEST(PoolDeaths, APoolWhoseWorkersCannotBeMadeGivesUpWithTheCause) {
  const auto fail = []() -> int { throw std::runtime_error("no database here"); };
  Pool pool{+fail, {.workers = 2}};
  const auto use = [](int&, int x) { return x; };
  for (int tries = 0; tries < 2; ++tries) {
    auto task = pool.submit(use, 1);
    try {
      task.get();
      ADD_FAILURE() << "no error came";
    } catch (const PoolBrokenError& error) {
      EXPECT_NE(std::string(error.what()).find("no database here"), std::string::npos) << error.what();
      EXPECT_THROW(std::rethrow_exception(error.cause()), std::runtime_error);
    }
  }
  EXPECT_THROW(pool.map(use, numbers(1000)).collect(), PoolBrokenError);
}

TEST(PoolDeaths, APoolWhoseWorkersCrashAtTheirStartGivesUpAndTriesAnewWhenAsked) {
  const support::TemporaryFile works;
  struct Init {
    std::string path;
    void operator()() const {
      if (std::ifstream(path).peek() == EOF) ::abort();
    }
  };
  Pool pool{Init{works.path()}, {.workers = 2}};
  EXPECT_THROW(pool.submit(square, 1).get(), PoolBrokenError);
  EXPECT_THROW(pool.map(square, numbers(10)).collect(), PoolBrokenError);
  leave_mark(works.path());
  expect_usable(pool);
}

// ---- time limits ----

TEST(PoolDeaths, ATaskThatRunsTooLongIsKilledAndNoOther) {
  Pool pool{{.workers = 2, .tasks = {.time_limit = 500ms}}};
  const auto hang_at_3 = [](int x) {
    for (volatile bool forever = x == 3; forever;) {}
    return ::getpid();
  };
  std::vector<int> pids;
  for (auto& result : pool.map(hang_at_3, numbers(10)).as_results()) {
    if (result.has_value()) {
      pids.push_back(result.value());
      continue;
    }
    EXPECT_EQ(result.index(), 3U);
    try {
      result.value();
    } catch (const TaskTimeoutError& error) {
      EXPECT_EQ(error.task(), 3U);
    }
  }
  EXPECT_EQ(pids.size(), 9U);
  expect_usable(pool);
}

namespace {

[[gnu::noinline]] int wait_for_what_never_comes(int) {
  support::sleep_for_ever();
  return 0;
}

}  // namespace

TEST(PoolDeaths, AnExceededTimeLimitTellsWhereTheTaskWas) {
  Pool pool{{.workers = 1}};
  try {
    pool.submit({.time_limit = 50ms}, &wait_for_what_never_comes, 1).get();
    FAIL() << "it came";
  } catch (const TaskTimeoutError& error) {
    EXPECT_THAT(error.stack(), testing::Contains(testing::HasSubstr("wait_for_what_never_comes")));
    ASSERT_FALSE(error.stack().empty());
    EXPECT_THAT(error.what(), testing::HasSubstr("was killed, in " + error.stack()[0].substr(3)));
  }
  expect_usable(pool);
}

TEST(PoolDeaths, WithoutCrashReportsATimeLimitIsKeptAllTheSame) {
  Pool pool{{.workers = 1, .worker = {.report_crashes = false}}};
  try {
    pool.submit({.time_limit = 50ms}, &wait_for_what_never_comes, 1).get();
    FAIL() << "it came";
  } catch (const TaskTimeoutError& error) {
    EXPECT_TRUE(error.stack().empty());
  }
}

TEST(PoolDeaths, ATimeLimitIsKeptAlsoWhenNobodyWaits) {
  const support::TemporaryFile file;
  Pool pool{{.workers = 1}};
  auto task = pool.submit({.time_limit = 50ms}, write_and_hang, file.path());
  const int pid = pool.pids().at(0);
  (void)task.wait_for(10ms);  // its worker has to become ready, and be given the task
  wait_for(file.path());
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_THROW(task.get(), TaskTimeoutError);
}

TEST(PoolDeaths, ATaskThatBlocksEverySignalIsKilledAllTheSame) {
  Pool pool{{.workers = 1}};
  const auto block = [] {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    support::sleep_for_ever();
  };
  EXPECT_THROW(pool.submit({.time_limit = 20ms}, block).get(), TaskTimeoutError);
  expect_usable(pool);
}

TEST(PoolDeaths, ATaskThatIsTriedAgainIsNotTriedAgainForItsTime) {
  const support::TemporaryFile file;
  Pool pool{{.workers = 1}};
  EXPECT_THROW(pool.submit({.time_limit = 50ms, .max_retries = 5}, write_and_hang, file.path()).get(),
               TaskTimeoutError);
  EXPECT_EQ(file.text(), "x");
}

// ---- cancel ----

TEST(PoolDeaths, ACancelledTaskThatHasNotBegunNeverRuns) {
  for (const std::size_t window : {std::size_t{1}, std::size_t{4}}) {  // in the queue, and in the worker's window
    const support::TemporaryFile began, go, ran;
    Pool pool{{.workers = 1, .window = window}};
    auto first = pool.submit(
        [](const std::string& b, const std::string& g) {
          leave_mark(b);
          return wait_for(g);
        },
        began.path(), go.path());
    auto second = pool.submit(leave_mark, ran.path());
    auto third = pool.submit(square, 3);
    EXPECT_FALSE(first.wait_for(1ms));
    while (began.text().empty()) (void)first.wait_for(1ms);
    EXPECT_TRUE(second.cancel());
    EXPECT_FALSE(second.cancel());
    leave_mark(go.path());
    EXPECT_THROW(second.get(), TaskCancelledError);
    EXPECT_EQ(first.get(), 1);
    EXPECT_EQ(third.get(), 9);
    EXPECT_EQ(ran.text(), "");
    EXPECT_TRUE(pool.wait());
  }
}

TEST(PoolDeaths, ACancelledTaskThatRunsIsEndedWithItsWorkerAndNoOtherTaskIsHurt) {
  const support::TemporaryFile began;
  Pool pool{{.workers = 1, .window = 4}};
  auto running = pool.submit(write_and_hang, began.path());
  auto behind = pool.submit(square, 3);
  while (began.text().empty()) (void)running.wait_for(1ms);
  EXPECT_TRUE(running.cancel());
  EXPECT_THROW(running.get(), TaskCancelledError);
  EXPECT_EQ(behind.get(), 9);
  EXPECT_TRUE(pool.wait());
  EXPECT_EQ(began.text(), "x");
}

TEST(PoolDeaths, ATaskThatHasEndedCannotBeCancelled) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit(square, 3);
  EXPECT_TRUE(task.wait_for(coproc::kForever));
  EXPECT_FALSE(task.cancel());
  EXPECT_EQ(task.get(), 9);
}

TEST(PoolDeaths, CancellingManyAtRandomHurtsNobodyElse) {
  Pool pool{{.workers = 2, .window = 8}};
  const auto work = [](int x) {
    std::this_thread::sleep_for(std::chrono::microseconds(x % 7 * 100));
    return x * x;
  };
  std::vector<coproc::Task<int>> tasks;
  for (int i = 0; i < 300; ++i) tasks.push_back(pool.submit(work, i));
  std::vector<bool> is_cancelled(300);
  for (int i = 0; i < 300; i += 3) {
    (void)tasks[static_cast<std::size_t>(i)].wait_for(0ms);
    is_cancelled[static_cast<std::size_t>(i)] = tasks[static_cast<std::size_t>(i)].cancel();
  }
  for (int i = 0; i < 300; ++i) {
    auto& task = tasks[static_cast<std::size_t>(i)];
    if (is_cancelled[static_cast<std::size_t>(i)]) {
      EXPECT_THROW(task.get(), TaskCancelledError);
    } else {
      EXPECT_EQ(task.get(), i * i);
    }
  }
  expect_usable(pool);
}

/// Idle workers that are killed together are no workers that cannot run anything.
TEST(PoolDeaths, OfAllIdleWorkersAtOnceCostNoTask) {
  Pool pool{{.workers = 4}};
  for (int round = 0; round < 5; ++round) {
    std::set<int> ran;  // so that all of them are ready
    while (ran.size() != 4) {
      ran.clear();
      for (const int pid : pool.map(&own_pid_after_a_while, numbers(16), {.chunk_size = 1})) ran.insert(pid);
    }
    for (const int pid : ran) ::kill(pid, SIGKILL);
    EXPECT_EQ(pool.submit({.max_retries = 4}, square, round).get(), round * round);
  }
}

}  // namespace
