// Signs of life: what a host is told, and when a worker is ended, if the network is cut or an agent is stopped.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "machines/network.hpp"
#include "support/process.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::Fence;
using coproc::MachineLost;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

/// Long enough for a busy machine to answer in time while nothing is wrong.
constexpr std::chrono::seconds kSilence{10};

void wait_in_silence(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  support::sleep_for_ever();
}

void count_for_ever(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  for (int i = 0;; ++i) host.send_norequest(i);
}

using Target = void (*)(PriorityMessenger&);

/// A worker behind a network, with all processes that there are of it.
struct Connected {
  explicit Connected(Target target = &wait_in_silence, coproc::Timeout silence = kSilence)
      : worker(target, {.machine = network.machine(silence)}) {
    worker.start();
    network.remove_name();
    pid = worker.messenger().receive_blocking<int>();
    near = machines::near_agent();
    EXPECT_GT(near, 0);
    EXPECT_EQ(machines::name_of(network.far()), "coproc-far");
  }
  Connected(const Connected&) = delete;
  Connected& operator=(const Connected&) = delete;

  /// All of them end on their own. Nobody sends them a signal.
  void expect_gone() const {
    for (const pid_t process : {pid, near, network.far(), network.process()}) {
      while (!machines::has_ended(process)) ::usleep(1000);
    }
  }

  machines::Network network;
  WorkerResource<Target> worker;
  pid_t pid = 0, near = 0;
};

void stop(pid_t process) {
  ::kill(process, SIGSTOP);
  while (support::state_of(process) != 'T' && !machines::has_ended(process)) {}
}

bool has(const std::string& text, const char* words) { return text.find(words) != std::string::npos; }

// ---- a network that is cut ----

TEST(MachineSilence, promise_09_OfACutNetworkIsToldWhenTheWorkerHasEnded) {
  Connected there;
  there.network.cut();
  const MachineLost lost = machines::loss_of(there.worker.join());
  EXPECT_TRUE(machines::has_ended(there.pid)) << "the loss was told, and the worker runs";
  EXPECT_TRUE(has(lost.why, "nothing has been heard from there for 10000 ms")) << lost.why;
  EXPECT_EQ(lost.fence, Fence::by_lease);
  there.expect_gone();
}

TEST(MachineSilence, OfACutNetworkIsToldWhileDataIsOnItsWay) {
  Connected there(&count_for_ever);
  there.network.cut();
  int expected = 0;
  const ExitStatus status = machines::receive_until_death(
      there.worker, [&](auto& messenger) { ASSERT_EQ(messenger.template receive_blocking<int>(), expected++); });
  EXPECT_TRUE(machines::has_ended(there.pid));
  EXPECT_EQ(machines::loss_of(status).fence, Fence::by_lease);
  EXPECT_TRUE(has(status.describe(), "the agent there has ended it")) << status.describe();
  there.expect_gone();
}

TEST(MachineSilence, OfAWayBackThatIsCutIsToldWhenTheWorkerHasEnded) {
  Connected there;
  there.network.cut_from_far();
  const MachineLost lost = machines::loss_of(there.worker.join());
  EXPECT_TRUE(machines::has_ended(there.pid));
  EXPECT_TRUE(has(lost.why, "nothing has been heard")) << lost.why;
  EXPECT_EQ(lost.fence, Fence::by_lease);
  there.expect_gone();
}

TEST(MachineSilence, OfAWayThereThatIsCutIsToldByTheAgentThere) {
  Connected there;
  there.network.cut_to_far();
  const MachineLost lost = machines::loss_of(there.worker.join());
  EXPECT_TRUE(machines::has_ended(there.pid));
  EXPECT_TRUE(has(lost.why, "in the time of its lease")) << lost.why;
  EXPECT_EQ(lost.fence, Fence::confirmed);
  there.expect_gone();
}

void add_one(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  for (;;) host.send_reply(host.receive_blocking<int>() + 1);
}

TEST(MachineSilence, OfTwoSecondsIsSurvived) {
  Connected there(&add_one, 30s);
  for (const bool is_both : {true, false}) {
    is_both ? there.network.cut() : there.network.cut_from_far();
    for (int i = 0; i < 1000; ++i) there.worker.messenger().send_request(i);
    ::sleep(2);
    there.network.mend();
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(there.worker.messenger().receive_blocking<int>(), i + 1);
  }
  EXPECT_TRUE(there.worker.stop(machines::kPatient).success());
  there.expect_gone();
}

TEST(MachineSilence, OfACutNetworkEndsAWorkerWhoseNearAgentIsGone) {
  Connected there;
  there.network.cut();
  ::kill(there.near, SIGKILL);
  EXPECT_EQ(machines::loss_of(there.worker.join()).fence, Fence::no);
  there.expect_gone();
}

TEST(MachineSilence, OfACutNetworkEndsAWorkerWhoseHostIsGone) {
  support::Pipe told;
  support::Host host([&] {
    Connected there;
    there.network.cut();
    for (const pid_t each : {there.pid, there.near, there.network.far(), there.network.process()}) told.write(each);
    support::sleep_for_ever();
  });
  pid_t processes[4];
  for (pid_t& each : processes) each = told.read<pid_t>();
  host.kill();
  for (const pid_t each : processes) {
    while (!machines::has_ended(each)) ::usleep(1000);
  }
}

// ---- agents that are stopped ----

TEST(MachineSilence, OfAStoppedFarAgentEndsItsWorker) {
  Connected there;
  stop(there.network.far());
  const MachineLost lost = machines::loss_of(there.worker.join());
  // Its own clock has let it go on when its lease was over.
  EXPECT_EQ(lost.fence, Fence::confirmed);
  EXPECT_TRUE(has(lost.why, "in the time of its lease")) << lost.why;
  EXPECT_TRUE(machines::has_ended(there.pid));
  there.expect_gone();
}

TEST(MachineSilence, OfAFarAgentThatIsKeptStoppedIsTold) {
  Connected there;
  std::atomic<bool> is_over{false};
  std::thread keeper([&] {
    while (!is_over.load()) ::kill(there.network.far(), SIGSTOP);
  });
  const MachineLost lost = machines::loss_of(there.worker.join());
  is_over.store(true);
  keeper.join();
  EXPECT_TRUE(has(lost.why, "nothing has been heard")) << lost.why;
  EXPECT_EQ(lost.fence, Fence::by_lease);
  ::kill(there.network.far(), SIGCONT);
  there.expect_gone();
}

TEST(MachineSilence, OfAStoppedFarAgentWhoseNearAgentIsGoneEndsItsWorker) {
  Connected there;
  stop(there.network.far());
  ::kill(there.near, SIGKILL);
  machines::loss_of(there.worker.join());
  there.expect_gone();
}

TEST(MachineSilence, OfAStoppedNearAgentIsTold) {
  Connected there;
  stop(there.near);
  const MachineLost lost = machines::loss_of(there.worker.join());
  EXPECT_TRUE(machines::has_ended(there.pid));
  EXPECT_EQ(lost.fence, Fence::confirmed) << lost.why;
  there.expect_gone();
}

TEST(MachineSilence, OfAStoppedNearAgentIsToldIfTheNetworkIsCutToo) {
  Connected there;
  there.network.cut();
  stop(there.near);
  const MachineLost lost = machines::loss_of(there.worker.join());
  EXPECT_TRUE(machines::has_ended(there.pid));
  EXPECT_EQ(lost.fence, Fence::by_lease) << lost.why;
  there.expect_gone();
}

// ---- what is no silence ----

TEST(MachineSilence, IsNoneIfAWorkerIsStoppedOrIdleOrSendsWithoutEnd) {
  Connected stopped, idle;
  stop(stopped.pid);
  const machines::Network network;
  WorkerResource<Target> sender{&count_for_ever, {.machine = network.machine(kSilence)}};
  sender.start();
  EXPECT_GT(sender.messenger().receive_blocking<int>(), 0);
  const auto end = std::chrono::steady_clock::now() + kSilence * 3 / 2;
  for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
    ASSERT_EQ(sender.messenger().receive_blocking<int>(), i);
  }
  for (auto* each : {&stopped.worker, &idle.worker, &sender}) {
    EXPECT_TRUE(each->is_alive());
    EXPECT_EQ(each->stop({.close = 0s, .terminate = coproc::kForever}).signal(), SIGTERM);
  }
}

TEST(MachineSilence, CanBeForEver) {
  Connected there(&add_one, coproc::kForever);
  stop(there.near);
  stop(there.network.far());
  ::sleep(1);
  ::kill(there.near, SIGCONT);
  ::kill(there.network.far(), SIGCONT);
  there.worker.messenger().send_request(1);
  EXPECT_EQ(there.worker.messenger().receive_blocking<int>(), 2);
  EXPECT_TRUE(there.worker.stop(machines::kPatient).success());
  there.expect_gone();
}

TEST(MachineSilence, ThatIsTooShortForSignsOfLifeIsRefused) {
  const machines::Network network;
  WorkerResource worker{&wait_in_silence, {.machine = network.machine(1999ms)}};
  EXPECT_THROW(worker.start(), coproc::InvalidArgumentError);
}

}  // namespace
