// What a host is told when an agent or a launcher dies, and what is left then: nothing.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "support/process.hpp"

#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::Fence;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void count_for_ever(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  for (int i = 0;; ++i) host.send_norequest(i);
}

/// The worker, its agents and its launcher, by their numbers.
struct Processes {
  pid_t worker = 0, near = 0, far = 0;

  explicit Processes(WorkerResource<void (*)(PriorityMessenger&)>& from)
      : worker(from.messenger().receive_blocking<int>()), near(machines::near_agent()) {
    far = machines::child_named(near, "coproc-far");
    if (far < 0) {  // behind a launcher that goes on
      for (const pid_t launcher : machines::children_of(near)) far = machines::child_named(launcher, "coproc-far");
    }
    EXPECT_GT(near, 0);
    EXPECT_GT(far, 0);
  }
  /// They end on their own, with nobody who would wait for them.
  void expect_gone() const {
    for (const pid_t process : {worker, near, far}) {
      while (!machines::has_ended(process)) ::usleep(1000);
    }
  }
};

/// Receives numbers in their order until the loss is told.
ExitStatus count_until_loss(WorkerResource<void (*)(PriorityMessenger&)>& worker) {
  int expected = 0;
  return machines::receive_until_death(worker, [&](auto& messenger) {
    const int number = messenger.template receive_blocking<int>();
    ASSERT_EQ(number, expected++);
  });
}

TEST(MachineLosses, OfTheFarAgentIsToldWithWhatItsLauncherSays) {
  WorkerResource worker{&count_for_ever, {.machine = machines::here()}};
  worker.start();
  const Processes processes(worker);
  ::kill(processes.far, SIGKILL);
  const ExitStatus status = count_until_loss(worker);
  const coproc::MachineLost lost = machines::loss_of(status);
  EXPECT_EQ(lost.machine, "here");
  EXPECT_NE(lost.why.find("the connection ended"), std::string::npos) << lost.why;
  EXPECT_NE(lost.why.find("was killed by SIGKILL"), std::string::npos) << lost.why;
  EXPECT_EQ(lost.fence, Fence::no);
  EXPECT_FALSE(status.success());
  EXPECT_NE(status.describe().find("it may still run there"), std::string::npos) << status.describe();
  processes.expect_gone();
  worker.start();  // it can be started again
  EXPECT_GT(worker.messenger().receive_blocking<int>(), 0);
}

TEST(MachineLosses, OfTheNearAgentIsToldAndEndsTheWorker) {
  WorkerResource worker{&count_for_ever, {.machine = machines::here()}};
  worker.start();
  const Processes processes(worker);
  ::kill(processes.near, SIGKILL);
  const coproc::MachineLost lost = machines::loss_of(count_until_loss(worker));
  EXPECT_NE(lost.why.find("the near agent on this machine was killed by SIGKILL"), std::string::npos) << lost.why;
  EXPECT_EQ(lost.fence, Fence::no);
  processes.expect_gone();
}

void wait_in_silence(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  support::sleep_for_ever();
}

TEST(MachineLosses, OfTheNearAgentEndsAWorkerThatTalksToNobody) {
  WorkerResource worker{&wait_in_silence, {.machine = machines::here()}};
  worker.start();
  const Processes processes(worker);
  ::kill(processes.near, SIGKILL);
  processes.expect_gone();
  machines::loss_of(worker.join());
}

TEST(MachineLosses, OfTheFarAgentEndsAWorkerThatTalksToNobody) {
  WorkerResource worker{&wait_in_silence, {.machine = machines::here()}};
  worker.start();
  const Processes processes(worker);
  ::kill(processes.far, SIGKILL);
  machines::loss_of(worker.join());
  processes.expect_gone();
}

TEST(MachineLosses, ALauncherThatDiesAndLeavesTheConnectionIsNone) {
  // The shell does not replace itself by the agent, which goes on without it.
  WorkerResource worker{&wait_in_silence, {.machine = machines::by({"sh", "-c", "\"$@\"; exit $?", "sh"})}};
  worker.start();
  const Processes processes(worker);
  const pid_t launcher = machines::child_named(processes.near, "sh");
  ASSERT_GT(launcher, 0);
  ::kill(launcher, SIGKILL);
  EXPECT_TRUE(worker.is_alive());
  worker.terminate();
  EXPECT_EQ(worker.join().signal(), SIGTERM);
  processes.expect_gone();
}

TEST(MachineLosses, ALauncherThatEndsTheConnectionIsOne) {
  // As ssh does, it holds the connection itself, and passes it on.
  WorkerResource worker{&count_for_ever, {.machine = machines::by({"sh", "-c", "cat | \"$@\" | cat", "sh"}, "cats")}};
  worker.start();
  const Processes processes(worker);
  const pid_t shell = machines::child_named(processes.near, "sh");
  for (const pid_t each : machines::children_of(shell)) {
    if (machines::name_of(each) == "cat") ::kill(each, SIGKILL);
  }
  EXPECT_EQ(machines::loss_of(count_until_loss(worker)).machine, "cats");
  processes.expect_gone();
}

void expect_end_with_host(bool stops_near_agent) {
  support::Pipe told;
  support::Host host([&] {
    WorkerResource worker{&wait_in_silence, {.machine = machines::here()}};
    worker.start();
    const Processes processes(worker);
    told.write(processes.worker);
    told.write(processes.near);
    told.write(processes.far);
    support::sleep_for_ever();
  });
  const auto worker = told.read<pid_t>(), near = told.read<pid_t>(), far = told.read<pid_t>();
  if (stops_near_agent) {
    ::kill(near, SIGSTOP);
    while (support::state_of(near) != 'T') {}
  }
  host.kill();
  for (const pid_t process : {worker, near, far}) {
    while (!machines::has_ended(process)) ::usleep(1000);
  }
}

TEST(MachineLosses, promise_09_OfTheHostLeavesNothing) { expect_end_with_host(false); }

TEST(MachineLosses, promise_09_OfTheHostLeavesNothingIfTheNearAgentIsStopped) { expect_end_with_host(true); }

TEST(MachineLosses, AStoppedNearAgentHeedsItsHost) {
  WorkerResource worker{&wait_in_silence, {.machine = machines::here()}};
  worker.start();
  const Processes processes(worker);
  ::kill(processes.near, SIGSTOP);
  while (support::state_of(processes.near) != 'T') {}
  worker.terminate();
  EXPECT_EQ(worker.join().signal(), SIGTERM);
}

TEST(MachineLosses, AFarAgentThatDoesNotAnswerIsGivenUpOnceTheWorkerIsToBeKilled) {
  WorkerResource worker{&wait_in_silence, {.machine = machines::here()}};
  worker.start();
  const Processes processes(worker);
  ::kill(processes.far, SIGSTOP);
  const ExitStatus status = worker.stop({.close = 0s, .terminate = 0s, .kill = coproc::kForever});
  EXPECT_NE(machines::loss_of(status).why.find("did not answer"), std::string::npos) << status.describe();
  processes.expect_gone();
}

void send_some_and_wait(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  for (int i = 0; i < 100; ++i) host.send_norequest(std::string(10'000, 's'));
  host.send_norequest(std::string("all"), "told");
  support::sleep_for_ever();
}

TEST(MachineLosses, WhatHadArrivedIsDeliveredBeforeTheLossIsTold) {
  WorkerResource worker{&send_some_and_wait, {.machine = machines::here()}};
  worker.start();
  const Processes processes(worker);
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>("told"), "all");  // so that everything is on this machine
  ::kill(processes.far, SIGKILL);
  int received = 0;
  const ExitStatus status = machines::receive_until_death(worker, [&](auto& messenger) {
    EXPECT_EQ(messenger.template receive_blocking<std::string>().size(), 10'000u);
    ++received;
  });
  EXPECT_EQ(received, 100);
  machines::loss_of(status);
  processes.expect_gone();
}

}  // namespace
