// Calls that a worker has not begun cost nobody anything, and calls do not wait behind a long one of another function.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <coproc/wait_hook.hpp>
#include <string>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace pool_test;
using namespace std::chrono_literals;
using coproc::Pool;

namespace {

TEST(PoolNotBegun, ATaskThatAWorkerHadNotTakenIsRunByAnother) {
  Pool pool{{.workers = 1}};
  expect_usable(pool);
  const int pid = pool.pids().front();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  auto task = pool.submit(square, 7);  // in the link of a worker that takes nothing any more
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_EQ(task.get(), 49);
  EXPECT_EQ(pool.insights().workers[0].failed, 0U);
}

TEST(PoolNotBegun, ShortTasksDoNotWaitBehindALongOneOfAnotherFunction) {
  const support::TemporaryFile go;
  Pool pool{{.workers = 2}};
  expect_usable(pool);  // so that it is known how long a square takes
  auto task = pool.submit(wait_for, go.path());
  for (int round = 0; round < 20; ++round) expect_usable(pool);
  EXPECT_FALSE(task.is_done());
  leave_mark(go.path());
  EXPECT_EQ(task.get(), 1);
}

struct Interrupted {};
volatile sig_atomic_t is_interrupted = 0;
void throw_if_interrupted() {
  if (is_interrupted != 0) throw Interrupted();
}

TEST(PoolWaitHook, EndsAWaitForResultsAndLosesNothing) {
  const support::TemporaryFile go;
  Pool pool{{.workers = 1}};
  auto task = pool.submit(wait_for, go.path());
  coproc::set_wait_hook(&throw_if_interrupted);
  is_interrupted = 1;
  EXPECT_THROW((void)task.get(), Interrupted);
  EXPECT_THROW((void)pool.wait(), Interrupted);
  is_interrupted = 0;
  coproc::set_wait_hook(nullptr);
  leave_mark(go.path());
  EXPECT_EQ(task.get(), 1);
  expect_usable(pool);
}

}  // namespace
