// Workers that depend on each other: what becomes of all of them when one cannot be started again.
#include <gmock/gmock.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <coproc/supervisor.hpp>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "scenario/supervised_group.hpp"
#include "scenario/supervised_worker.hpp"
#include "support/temporary_file.hpp"

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::RestartLimitError;
using coproc::RestartOptions;
using coproc::Strategy;
using coproc::Supervised;
using coproc::Supervisor;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Supervisor, AtItsLimitAllAreStoppedUntilTheNextStart) {
  Group group({.strategy = Strategy::one_for_one, .most = 2});
  group.supervisor.start();
  group.let_die(1);
  group.let_die(2);
  group[3].kill();
  try {
    (void)group[3].messenger().receive_blocking();
    FAIL() << "it was started again";
  } catch (const RestartLimitError& error) {
    EXPECT_EQ(error.statuses().size(), 3U);
    EXPECT_THAT(error.what(), HasSubstr("the workers of a Supervisor were started again 2 times"));
    EXPECT_THAT(error.what(), HasSubstr("worker 3 was killed by SIGKILL"));
  }
  EXPECT_THAT(group.pids(), ElementsAre(0, 0, 0));
  for (int number = 1; number <= 3; ++number) {
    EXPECT_THROW((void)group[number].messenger().receive_blocking(), RestartLimitError);
  }
  group.supervisor.start();
  group.expect_answers();
  group.let_die(1);
  group.expect_answers();
}

TEST(Supervisor, AtTheLimitOfOneThoseThatGoWithItStayStopped) {
  Group group({.strategy = Strategy::rest_for_one, .most = 1000}, 1);
  RestartOptions once = at_once();
  once.most = 1;
  group.add(once);
  group.add(at_once());
  group.supervisor.start();
  group.let_die(2);
  group[2].kill();
  EXPECT_THROW((void)group[2].messenger().receive_blocking(), RestartLimitError);
  EXPECT_FALSE(group[3].is_alive());
  EXPECT_THROW((void)group[3].messenger().receive_blocking(), RestartLimitError);
  EXPECT_EQ(answer(group[1], 1), 1001);
  group.let_die(1);
  EXPECT_EQ(answer(group[1], 1), 1001) << "it does not depend on those after it";
  EXPECT_FALSE(group[2].is_alive());
  group.supervisor.start();
  group.expect_answers();
}

TEST(Supervisor, RefusesLimitsThatMakeNoSense) {
  EXPECT_THROW((Supervisor{{.within = 0s}}), coproc::InvalidArgumentError);
}

TEST(Supervisor, AStartThatFailsLeavesNoneRunning) {
  Supervisor supervisor;
  auto& first = supervisor.add(Supervised{&tenfold, {.name = "first"}});
  auto& second = supervisor.add(Supervised{&tenfold, {.name = "second", .working_directory = "/nowhere"}});
  EXPECT_THROW(supervisor.start(), coproc::StartError);
  EXPECT_FALSE(first.is_alive());
  EXPECT_FALSE(second.is_alive());
  const std::vector<ExitStatus> statuses = supervisor.stop();
  EXPECT_TRUE(statuses.at(0).success());
  EXPECT_TRUE(std::holds_alternative<coproc::UnknownEnd>(statuses.at(1).end));
}

/// Those that were started a moment before it are of no use without it.
TEST(Supervisor, ARestartThatFailsForGoodLeavesNoneRunningThatGoesWithIt) {
  const support::TemporaryFile file;
  const std::string place = file.path() + ".directory";
  std::filesystem::create_directory(place);
  Supervisor supervisor({.strategy = Strategy::one_for_all, .most = 1000});
  auto& first = supervisor.add(Supervised(&tenfold, {.name = "first"}, at_once()));
  RestartOptions once = at_once();
  once.most = 1;
  auto& second = supervisor.add(Supervised(&tenfold, {.name = "second", .working_directory = place}, once));
  supervisor.start();
  std::filesystem::remove(place);
  first.kill();
  EXPECT_THROW((void)first.messenger().receive_blocking(), RestartLimitError);
  EXPECT_FALSE(first.is_alive());
  EXPECT_FALSE(second.is_alive());
  EXPECT_THROW((void)first.messenger().receive_blocking(), RestartLimitError);
  std::filesystem::create_directory(place);
  supervisor.start();
  EXPECT_EQ(answer(first, 4), 40);
  EXPECT_EQ(answer(second, 4), 40);
  std::filesystem::remove(place);
}

TEST(Supervisor, AnUnlessThatThrowsKeepsNoneOfTheOthersRunning) {
  Group group({.strategy = Strategy::one_for_all, .most = 1000}, 1);
  bool throws = true;
  RestartOptions asking = at_once();
  asking.unless = [&throws](const ExitStatus&) { return throws ? throw std::runtime_error("nobody knows") : false; };
  group.add(asking);
  group.add(at_once());
  group.supervisor.start();
  group.expect_answers();
  group[2].kill();
  wait_for_end(group[2]);
  group[3].kill();
  EXPECT_THROW((void)group[3].messenger().receive_blocking(), std::runtime_error);
  EXPECT_THAT(group.pids(), ElementsAre(0, 0, 0));
  throws = false;
  for (int number = 1; number <= 3; ++number) {
    try {
      (void)answer(group[number], 7);
    } catch (const coproc::WorkerDiedError&) {
      // Its own end, which the call tells of that drives.
    }
  }
  group.expect_answers();
}

TEST(Supervisor, OneWhoseUnlessHasThrownIsStartedBeforeThoseThatDependOnIt) {
  Group group({.strategy = Strategy::one_for_all, .most = 1000}, 1);
  bool throws = true;
  RestartOptions asking = at_once();
  asking.unless = [&throws](const ExitStatus&) { return throws ? throw std::runtime_error("nobody knows") : false; };
  group.add(asking);
  group.supervisor.start();
  group.expect_answers();
  group[2].kill();
  wait_for_end(group[2]);
  group[1].kill();
  EXPECT_THROW((void)group[1].messenger().receive_blocking(), std::runtime_error);
  EXPECT_THROW((void)group[1].messenger().receive_blocking(), std::runtime_error) << "asked again";
  EXPECT_FALSE(group[1].is_alive());
  throws = false;
  EXPECT_THROW((void)group[1].messenger().receive_blocking(), coproc::WorkerDiedError);
  EXPECT_TRUE(group[2].is_alive());
  group.expect_answers();
}
