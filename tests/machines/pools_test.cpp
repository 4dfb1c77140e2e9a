// Pools whose workers run on several machines.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "machines/network.hpp"
#include "support/process.hpp"
#include "support/temporary_file.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::PoolOptions;
using coproc::WorkerDiedError;

namespace {

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

int square(int number) { return number * number; }

TEST(MachinePools, WorkersAreDealtToTheMachinesInTurn) {
  Pool pool({.workers = 5, .machines = {machines::by({"env"}, "one"), machines::by({"env"}, "two")}});
  int expected = 0;
  for (const int result : pool.map(&square, numbers(10'000))) {
    ASSERT_EQ(result, expected * expected);
    ++expected;
  }
  EXPECT_EQ(expected, 10'000);
  const coproc::PoolInsights insights = pool.insights();
  ASSERT_EQ(insights.workers.size(), 5u);
  std::map<std::string, int> counts;
  for (const auto& worker : insights.workers) ++counts[worker.machine];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"one", 3}, {"two", 2}}));
  EXPECT_NE(insights.table().find("two\n"), std::string::npos) << insights.table();
}

int fail_at_three(int number) {
  if (number == 3) throw std::runtime_error("three");
  return number;
}

TEST(MachinePools, ErrorsAndLimitsAreAsHere) {
  Pool pool({.workers = 2, .machines = {machines::here()}});
  int failed = 0;
  auto results = pool.map(&fail_at_three, numbers(6));
  for (auto at = results.begin(); at != results.end(); ++at) {
    try {
      (void)*at;
    } catch (const std::runtime_error&) {
      ++failed;
    }
  }
  EXPECT_EQ(failed, 1);
}

TEST(MachinePools, WhatIsAboutThisMachineIsRefused) {
  const auto here = machines::here();
  EXPECT_THROW(Pool({.machines = {here}}), coproc::InvalidArgumentError);
  EXPECT_THROW(Pool({.workers = 1, .machines = {here}, .recycle = {.memory = 1}}), coproc::InvalidArgumentError);
  const coproc::HealthOptions health{.reply = std::chrono::seconds(1)};
  EXPECT_THROW(Pool({.workers = 1, .machines = {here}, .health = health}), coproc::InvalidArgumentError);
  EXPECT_THROW(Pool({.workers = 1, .machines = {here}, .pin = true}), coproc::InvalidArgumentError);
  EXPECT_THROW(Pool({.workers = 1, .worker = {.machine = here}}), coproc::InvalidArgumentError);
  EXPECT_THROW(coproc::LazyPool({.workers = 1, .machines = {here}}), coproc::InvalidArgumentError);
}

/// Appends its worker's number to the file, and waits if it is the first one.
int run_once_or_wait(const std::string& path) {
  const bool is_first = std::ifstream(path).peek() == std::ifstream::traits_type::eof();
  std::ofstream(path, std::ios::app) << ::getpid() << std::endl;
  if (is_first) support::sleep_for_ever();
  return 1;
}

std::vector<pid_t> runs_in(const support::TemporaryFile& file) {
  std::vector<pid_t> runs;
  std::ifstream text(file.path());
  for (pid_t each; text >> each;) runs.push_back(each);
  return runs;
}

/// Waits until the task runs, and cuts the way by killing what carries it.
pid_t lose_first_worker(const support::TemporaryFile& file) {
  while (runs_in(file).empty()) ::usleep(1000);
  ::kill(machines::near_agent(), SIGKILL);  // the host cannot know then whether the worker has ended
  return runs_in(file).front();
}

TEST(MachinePools, ATaskIsRunAgainOnlyWhenItsWorkerHasEnded) {
  const support::TemporaryFile file;
  const machines::Network network;
  Pool pool({.workers = 1, .machines = {network.machine(10s)}, .background = true});
  auto result = pool.submit(coproc::TaskOptions{.max_retries = 1}, &run_once_or_wait, file.path());
  while (runs_in(file).empty()) ::usleep(1000);
  // Nothing reaches the agent there any more: only its lease ends the worker.
  const pid_t far = network.far();
  ::kill(far, SIGSTOP);
  const pid_t first = lose_first_worker(file);
  while (runs_in(file).size() < 2 && !result.wait_for(1ms)) {}
  EXPECT_TRUE(machines::has_ended(first)) << "the task ran twice at the same time";
  EXPECT_EQ(result.get(), 1);
  while (!machines::has_ended(far)) ::usleep(1000);
}

TEST(MachinePools, ATaskIsRunAgainAtOnceIfThatIsAskedFor) {
  const support::TemporaryFile file;
  Pool pool({.workers = 1, .machines = {machines::here()}, .background = true});  // a silence of ten minutes
  auto result =
      pool.submit(coproc::TaskOptions{.max_retries = 1, .retries_unfenced = true}, &run_once_or_wait, file.path());
  lose_first_worker(file);
  EXPECT_EQ(result.get(), 1);
}

TEST(MachinePools, ATaskIsNotRunTwiceByItself) {
  const support::TemporaryFile file;
  Pool pool({.workers = 1, .machines = {machines::here()}, .background = true});
  auto result = pool.submit(&run_once_or_wait, file.path());
  const pid_t first = lose_first_worker(file);
  try {
    (void)result.get();
    ADD_FAILURE() << "it was run again";
  } catch (const WorkerDiedError& error) {
    EXPECT_EQ(machines::loss_of(error.exit_status()).machine, "here");
  }
  while (!machines::has_ended(first)) ::usleep(1000);
}

}  // namespace
