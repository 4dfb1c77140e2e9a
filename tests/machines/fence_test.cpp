// Launcher::fence: the command that ends for certain what runs on a machine that was lost.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "machines/network.hpp"
#include "support/process.hpp"
#include "support/temporary_file.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <initializer_list>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coproc::Fence;
using coproc::MachineLost;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

/// So long that nothing but a fence can be what has ended a worker.
constexpr std::chrono::minutes kNoLease{10};
/// Long enough for a busy machine to answer in time while nothing is wrong.
constexpr std::chrono::seconds kLease{10};

void wait_in_silence(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  support::sleep_for_ever();
}

/// Kills the processes whose numbers are in the file, and waits until they have ended. (Nobody may have reaped them.)
constexpr const char* kKillAll = R"(
  for each in $(cat "$2"); do
    kill -KILL "$each"
    while [ -d "/proc/$each" ] && ! grep -q ') Z ' "/proc/$each/stat"; do :; done
  done
)";

coproc::Machine fenced(const coproc::Machine& plain, std::vector<std::string> fence, coproc::Timeout time) {
  coproc::Launcher launcher = plain.launcher();
  launcher.fence = std::move(fence);
  launcher.fence_time = time;
  return coproc::Machine(std::move(launcher), plain.options());
}

/// A worker on a machine with a fence: a script, which is given the names of two files. It writes into the first one
/// that it was run. The second one has the numbers of the worker and of its agent there.
struct Fenced {
  explicit Fenced(const std::string& script, coproc::Timeout silence = kNoLease, coproc::Timeout time = 60s)
      : Fenced(std::vector<std::string>(), script, silence, time) {}
  /// With a command in place of the script.
  explicit Fenced(std::vector<std::string> command) : Fenced(std::move(command), "", kNoLease, 60s) {}
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  /// The connection ends, and the agent there does not see it: the worker runs on.
  void lose() const {
    ::kill(network.far(), SIGSTOP);
    while (support::state_of(network.far()) != 'T') {}
    ::kill(network.process(), SIGKILL);
  }
  bool may_run_on() const { return !machines::has_ended(pid); }
  /// The agent there sees that the connection has ended.
  void let_end() const {
    ::kill(network.far(), SIGCONT);
    for (const pid_t each : {pid, static_cast<pid_t>(network.far())}) {
      while (!machines::has_ended(each)) ::usleep(1000);
    }
  }
  /// Of a worker that a fence has not ended.
  void expect_unfenced(std::initializer_list<const char*> words) {
    lose();
    const MachineLost lost = machines::loss_of(worker.join());
    EXPECT_EQ(lost.fence, Fence::no) << lost.why;
    for (const char* each : words) EXPECT_NE(lost.why.find(each), std::string::npos) << each << " in: " << lost.why;
    EXPECT_TRUE(may_run_on()) << "the test shows nothing";
    let_end();
  }

  support::TemporaryFile runs, pids;
  machines::Network network;
  WorkerResource<void (*)(PriorityMessenger&)> worker;
  pid_t pid = 0;

 private:
  Fenced(std::vector<std::string> command, const std::string& script, coproc::Timeout silence, coproc::Timeout time)
      : worker(&wait_in_silence, {.machine = machine(std::move(command), script, silence, time)}) {
    worker.start();
    pid = worker.messenger().receive_blocking<int>();
    std::ofstream(pids.path()) << pid << ' ' << network.far() << std::endl;
  }

  coproc::Machine machine(std::vector<std::string> command, const std::string& script, coproc::Timeout silence,
                          coproc::Timeout time) const {
    if (command.empty()) command = {"sh", "-c", "echo run >> \"$1\"; " + script, "sh", runs.path(), pids.path()};
    return fenced(network.machine(silence), std::move(command), time);
  }
};

TEST(MachineFence, ThatSucceedsHasEndedTheWorkerBeforeItsLossIsTold) {
  Fenced there(kKillAll);
  there.lose();
  const coproc::ExitStatus status = there.worker.join();
  const MachineLost lost = machines::loss_of(status);
  EXPECT_FALSE(there.may_run_on()) << "the loss was told, and the worker runs";
  EXPECT_EQ(lost.fence, Fence::confirmed) << lost.why;
  EXPECT_NE(lost.why.find("the connection ended"), std::string::npos) << lost.why;
  EXPECT_NE(lost.why.find("its fence command has ended what ran there"), std::string::npos) << lost.why;
  EXPECT_NE(status.describe().find("it has ended"), std::string::npos) << status.describe();
  EXPECT_EQ(there.runs.text(), "run\n");
  there.let_end();
}

TEST(MachineFence, ThatFailsIsToldWithItsLastLines) {
  Fenced there("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; done; echo no such job >&2; exit 3");
  there.expect_unfenced({"its fence command exited with code 3; it printed: line 4\n", "line 12", "no such job"});
  EXPECT_EQ(there.runs.text(), "run\n");
}

TEST(MachineFence, ThatPrintsWithoutEndIsQuotedInPart) {
  Fenced there("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 4");
  there.expect_unfenced({"exited with code 4", "the end"});
}

TEST(MachineFence, ThatDiesOfASignalHasFailed) {
  Fenced there("kill -KILL $$");
  there.expect_unfenced({"its fence command was killed by SIGKILL"});
}

TEST(MachineFence, ThatHangsIsKilledWithAllThatItRuns) {
  const support::TemporaryFile sleeper;
  Fenced there("echo asking the manager; sleep 1000 & echo $! > " + sleeper.path() + "; wait", kNoLease, 2s);
  there.expect_unfenced({"did not end in 2000 ms (Launcher::fence_time) and was killed", "asking the manager"});
  while (!machines::has_ended(std::stoi(sleeper.text()))) ::usleep(1000);
}

TEST(MachineFence, ThatLeavesAProcessWithItsOutputIsNotWaitedFor) {
  const support::TemporaryFile sleeper;
  Fenced there(std::string(kKillAll) + "sleep 1000 & echo $! > " + sleeper.path());
  there.lose();
  EXPECT_EQ(machines::loss_of(there.worker.join()).fence, Fence::confirmed);
  EXPECT_EQ(::kill(std::stoi(sleeper.text()), SIGKILL), 0) << "what it has started was ended, too";
  there.let_end();
}

TEST(MachineFence, ThatThereIsNotIsNamed) {
  Fenced missing(std::vector<std::string>{"no-such-fence", "node7"});
  missing.expect_unfenced({"its fence command, the program \"no-such-fence\", is not in PATH"});
  Fenced no_program(std::vector<std::string>{"/dev/null"});
  no_program.expect_unfenced({"its fence command, the program \"/dev/null\", could not be executed"});
}

TEST(MachineFence, IsRunOnceIfTheLeaseIsOver) {
  Fenced ended(kKillAll, kLease), refused("exit 1", kLease);
  ended.network.cut();
  refused.network.cut();
  EXPECT_EQ(machines::loss_of(ended.worker.join()).fence, Fence::confirmed);
  const MachineLost lost = machines::loss_of(refused.worker.join());
  EXPECT_EQ(lost.fence, Fence::by_lease) << "a fence that failed took away what was known";
  EXPECT_NE(lost.why.find("its fence command exited with code 1"), std::string::npos) << lost.why;
  for (const Fenced* each : {&ended, &refused}) {
    EXPECT_EQ(each->runs.text(), "run\n");
    each->let_end();
  }
}

TEST(MachineFence, IsNotRunIfTheWorkersEndIsConfirmed) {
  Fenced there("true", kLease);
  there.network.cut_to_far();
  EXPECT_EQ(machines::loss_of(there.worker.join()).fence, Fence::confirmed);
  EXPECT_EQ(there.runs.text(), "");
  there.let_end();
}

TEST(MachineFence, IsNotRunIfAWorkerEndsOrIsEnded) {
  Fenced there("true");
  ::kill(there.pid, SIGABRT);  // SIGSEGV would be the sanitizer's
  EXPECT_EQ(there.worker.join().signal(), SIGABRT);
  for (const bool is_killed : {false, true}) {
    there.worker.start();
    EXPECT_GT(there.worker.messenger().receive_blocking<int>(), 0);
    if (is_killed) there.worker.kill();
    EXPECT_TRUE(there.worker.stop({.close = 0s, .terminate = coproc::kForever}).signalled());
  }
  EXPECT_EQ(there.runs.text(), "");
}

TEST(MachineFence, IsWaitedForIfTheWorkerIsKilledMeanwhile) {
  const support::TemporaryFile gate;
  Fenced there("while ! grep -q go " + gate.path() + "; do sleep 0.01; done");
  there.lose();
  while (there.runs.text().empty()) ::usleep(1000);
  there.worker.kill();
  ::sleep(2);  // more than agents wait for what a killed worker had sent
  EXPECT_TRUE(there.worker.is_alive()) << "it was told as lost before the fence had ended";
  std::ofstream(gate.path()) << "go" << std::endl;
  EXPECT_EQ(machines::loss_of(there.worker.join()).fence, Fence::confirmed);
  there.let_end();
}

TEST(MachineFence, ThatCannotBeRunOrHasNoEndIsRefused) {
  const auto expect_refused = [](std::vector<std::string> fence, coproc::Timeout time, const char* words) {
    WorkerResource worker{&wait_in_silence, {.machine = fenced(machines::here(), std::move(fence), time)}};
    try {
      worker.start();
      ADD_FAILURE() << "it was started: " << words;
    } catch (const coproc::InvalidArgumentError& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  expect_refused({""}, 1s, "Launcher::fence is empty");
  expect_refused({"true"}, 0s, "Launcher::fence_time");
  expect_refused({"true"}, coproc::kForever, "Launcher::fence_time");
}

// ---- pools ----

/// Appends its worker's number to the file, and waits if it is the first one.
int run_once_or_wait(const std::string& path) {
  const bool is_first = std::ifstream(path).peek() == std::ifstream::traits_type::eof();
  std::ofstream(path, std::ios::app) << ::getpid() << std::endl;
  if (is_first) support::sleep_for_ever();
  return 1;
}

TEST(MachineFence, LetsAPoolRunATaskAgainWithoutWaitingForTheLease) {
  const support::TemporaryFile runs, pids;
  const machines::Network network;
  const auto machine = fenced(network.machine(kNoLease), {"sh", "-c", kKillAll, "sh", "-", pids.path()}, 60s);
  coproc::Pool pool({.workers = 1, .machines = {machine}, .background = true});
  auto result = pool.submit(coproc::TaskOptions{.max_retries = 1}, &run_once_or_wait, runs.path());
  while (runs.text().empty() || runs.text().back() != '\n') ::usleep(1000);
  const pid_t first = std::stoi(runs.text()), far = network.far();
  std::ofstream(pids.path()) << first << ' ' << far << std::endl;
  ::kill(far, SIGSTOP);
  while (support::state_of(far) != 'T') {}
  ::kill(network.process(), SIGKILL);
  EXPECT_EQ(result.get(), 1);
  EXPECT_TRUE(machines::has_ended(first)) << "the task ran twice at the same time";
}

}  // namespace
