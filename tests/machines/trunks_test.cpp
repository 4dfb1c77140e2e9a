// Pools whose workers on a machine share one launch and one connection, a trunk.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "machines/network.hpp"
#include "programs.hpp"
#include "support/process.hpp"
#include "support/temporary_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coproc::Fence;
using coproc::Pool;
using coproc::WorkerDiedError;

namespace {

/// A machine whose launcher counts how often it is executed.
class Counted {
 public:
  coproc::Machine machine(const std::string& name = "here") const {
    coproc::Launcher launcher = coproc::command({"sh", "-c", "echo launched >>\"$0\"; exec \"$@\"", file_.path()});
    launcher.connects_back = machines::is_by_tls();
    return coproc::Machine(std::move(launcher), {.name = name, .agent = COPROC_AGENT, .silence = 10min});
  }
  std::ptrdiff_t launches() const {
    std::ifstream text(file_.path());
    return std::count(std::istreambuf_iterator<char>(text), {}, '\n');
  }

 private:
  support::TemporaryFile file_;
};

std::vector<pid_t> children_named(pid_t parent, const std::string& name) {
  std::vector<pid_t> all = machines::children_of(parent);
  std::erase_if(all, [&](pid_t each) { return machines::name_of(each) != name; });
  return all;
}

/// What carries the workers of the one machine that a host's pool has.
struct Processes {
  pid_t near_trunk = 0, far_trunk = 0;
  std::vector<pid_t> near_agents, far_agents, workers;

  /// `far`: where the far end is no child of the near one.
  explicit Processes(std::size_t count, pid_t far = -1)
      : near_trunk(machines::child_named(::getpid(), "coproc-trunk")) {
    far_trunk = far > 0 ? far : machines::child_named(near_trunk, "coproc-trunk");
    near_agents = children_named(::getpid(), "coproc-near");
    far_agents = children_named(far_trunk, "coproc-far");
    for (const pid_t agent : far_agents) {
      for (const pid_t worker : machines::children_of(agent)) workers.push_back(worker);
    }
    EXPECT_GT(near_trunk, 0);
    EXPECT_GT(far_trunk, 0);
    EXPECT_EQ(near_agents.size(), count);
    EXPECT_EQ(far_agents.size(), count);
    EXPECT_EQ(workers.size(), count);
  }
  std::vector<pid_t> all() const {
    std::vector<pid_t> all = {near_trunk, far_trunk};
    for (const auto* some : {&near_agents, &far_agents, &workers}) all.insert(all.end(), some->begin(), some->end());
    return all;
  }
};

void expect_gone(const std::vector<pid_t>& processes) {
  for (const pid_t each : processes) {
    while (!machines::has_ended(each)) ::usleep(1000);
  }
}

int square(int number) { return number * number; }

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Says that it runs, and never returns.
int hang(const std::string& path) {
  std::ofstream(path, std::ios::app) << ::getpid() << std::endl;
  support::sleep_for_ever();
}

/// Tasks that hang, one in each of the pool's workers.
class Hanging {
 public:
  Hanging(Pool<>& pool, int count) {
    for (int i = 0; i < count; ++i) results_.push_back(pool.submit(&hang, file_.path()));
    while (running() < count) ::usleep(1000);
  }
  /// All of them were lost with their machine. Returns the first loss.
  coproc::MachineLost expect_lost() {
    std::vector<coproc::MachineLost> losses;
    for (auto& result : results_) {
      try {
        (void)result.get();
        ADD_FAILURE() << "it has returned";
      } catch (const WorkerDiedError& error) {
        losses.push_back(machines::loss_of(error.exit_status()));
      }
    }
    return losses.empty() ? coproc::MachineLost() : losses.front();
  }

 private:
  int running() const {
    std::ifstream text(file_.path());
    return static_cast<int>(std::count(std::istreambuf_iterator<char>(text), {}, '\n'));
  }

  support::TemporaryFile file_;
  std::vector<coproc::Task<int>> results_;
};

TEST(MachineTrunks, SixtyFourWorkersOnFourMachinesTakeFourLaunches) {
  const Counted counted[4];
  coproc::PoolOptions options{.workers = 64};
  for (int i = 0; i < 4; ++i) options.machines.push_back(counted[i].machine("node" + std::to_string(i)));
  Pool pool(options);
  int expected = 0;
  for (const int result : pool.map(&square, numbers(20'000))) {
    ASSERT_EQ(result, expected * expected);
    ++expected;
  }
  EXPECT_EQ(expected, 20'000);
  for (const Counted& each : counted) EXPECT_EQ(each.launches(), 1);
  EXPECT_EQ(children_named(::getpid(), "coproc-trunk").size(), 4u);
  EXPECT_EQ(children_named(::getpid(), "coproc-near").size(), 64u);
}

TEST(MachineTrunks, AMachineHasNoMoreLaunchesThanWorkers) {
  const Counted counted[3];
  Pool pool({.workers = 2, .machines = {counted[0].machine(), counted[1].machine(), counted[2].machine()}});
  EXPECT_EQ(pool.submit(&square, 3).get(), 9);
  EXPECT_EQ(counted[0].launches(), 1);
  EXPECT_EQ(counted[1].launches(), 1);
  EXPECT_EQ(counted[2].launches(), 0);
}

TEST(MachineTrunks, EndWithTheirPool) {
  const Counted counted;
  std::vector<pid_t> all;
  {
    Pool pool({.workers = 3, .machines = {counted.machine()}});
    all = Processes(3).all();
    pool.stop();
    expect_gone(all);
  }
  {
    Pool pool({.workers = 3, .machines = {counted.machine()}});
    EXPECT_EQ(pool.submit(&square, 3).get(), 9);
    all = Processes(3).all();
  }
  expect_gone(all);
  EXPECT_EQ(counted.launches(), 2);
}

/// Everybody is told, nothing lives on, and the next workers come by another launch.
void expect_loss(pid_t Processes::*victim, const std::string& words) {
  const Counted counted;
  Pool pool({.workers = 3, .machines = {counted.machine()}, .background = true});
  Hanging tasks(pool, 3);
  const Processes processes(3);
  ::kill(processes.*victim, SIGKILL);
  const coproc::MachineLost lost = tasks.expect_lost();
  EXPECT_EQ(lost.machine, "here");
  EXPECT_NE(lost.why.find("the connection ended"), std::string::npos) << lost.why;
  EXPECT_NE(lost.why.find(words), std::string::npos) << lost.why;
  expect_gone(processes.all());
  EXPECT_EQ(pool.submit(&square, 7).get(), 49);
  EXPECT_EQ(counted.launches(), 2);
}

TEST(MachineTrunks, TheLossOfTheNearEndIsToldToAll) {
  expect_loss(&Processes::near_trunk, "the near end of its trunk, a process of this machine, says no more");
}

TEST(MachineTrunks, TheLossOfTheFarEndIsToldToAll) {
  expect_loss(&Processes::far_trunk, "its launcher was killed by SIGKILL");
}

TEST(MachineTrunks, ALauncherThatEndsTheConnectionIsALossOfAll) {
  // As ssh does, it holds the connection itself, and passes it on.
  Pool pool(
      {.workers = 3, .machines = {machines::by({"sh", "-c", "cat | \"$@\" | cat", "sh"}, "cats")}, .background = true});
  Hanging tasks(pool, 3);
  const pid_t near = machines::child_named(::getpid(), "coproc-trunk"), shell = machines::child_named(near, "sh");
  const Processes processes(3, machines::child_named(shell, "coproc-trunk"));
  for (const pid_t each : machines::children_of(shell)) {
    if (machines::name_of(each) == "cat") ::kill(each, SIGKILL);
  }
  const coproc::MachineLost lost = tasks.expect_lost();
  EXPECT_NE(lost.why.find("its launcher "), std::string::npos) << lost.why;
  expect_gone(processes.all());
  EXPECT_EQ(pool.submit(&square, 7).get(), 49);
}

TEST(MachineTrunks, TheLastWordsOfALauncherAreToldToAll) {
  Pool pool({.workers = 2,
             .machines = {machines::by({"sh", "-c", "\"$@\"; echo 'packet corrupt' >&2; exit 7", "sh"})},
             .background = true});
  Hanging tasks(pool, 2);
  const pid_t near = machines::child_named(::getpid(), "coproc-trunk"), shell = machines::child_named(near, "sh");
  ::kill(machines::child_named(shell, "coproc-trunk"), SIGKILL);
  const coproc::MachineLost lost = tasks.expect_lost();
  EXPECT_NE(lost.why.find("its launcher exited with code 7"), std::string::npos) << lost.why;
  EXPECT_NE(lost.why.find("packet corrupt"), std::string::npos) << lost.why;
}

TEST(MachineTrunks, TheEndOfAWorkerIsItsOwn) {
  const Counted counted;
  Pool pool({.workers = 3, .machines = {counted.machine()}, .background = true});
  const Processes before(3);
  const auto kill_one = [&](int pid) {
    auto lost = pool.submit([] {
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    EXPECT_THROW((void)lost.get(), WorkerDiedError) << pid;
  };
  for (int i = 0; i < 5; ++i) kill_one(i);
  int expected = 0;
  for (const int result : pool.map(&square, numbers(1000))) {
    ASSERT_EQ(result, expected * expected);
    ++expected;
  }
  // The loss of an agent is that of its worker alone, too.
  ::kill(machines::child_named(before.far_trunk, "coproc-far"), SIGKILL);
  ::kill(machines::near_agent(), SIGKILL);
  EXPECT_EQ(pool.submit(coproc::TaskOptions{.max_retries = 5, .retries_unfenced = true}, &square, 7).get(), 49);
  EXPECT_EQ(counted.launches(), 1);
  EXPECT_EQ(machines::child_named(::getpid(), "coproc-trunk"), before.near_trunk);
}

TEST(MachineTrunks, AWorkerThatDoesNotReadHoldsUpNoOther) {
  const Counted counted;
  Pool pool({.workers = 2, .machines = {counted.machine()}, .background = true});
  EXPECT_EQ(pool.submit(&square, 3).get(), 9);
  const int stopped = pool.insights().workers.front().pid;
  ::kill(stopped, SIGSTOP);
  while (support::state_of(stopped) != 'T') {}
  std::vector<coproc::Task<std::size_t>> results;
  for (int i = 0; i < 40; ++i) {
    results.push_back(pool.submit([](const std::string& text) { return text.size(); }, std::string(300'000, 'x')));
  }
  const auto done = [&] {
    return std::count_if(results.begin(), results.end(), [](auto& result) { return result.wait_for(0s); });
  };
  while (done() < 20) ::usleep(1000);
  ::kill(stopped, SIGCONT);
  for (auto& result : results) EXPECT_EQ(result.get(), 300'000u);
  EXPECT_EQ(counted.launches(), 1);
}

std::ptrdiff_t descriptors_of(pid_t process) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(process) + "/fd");
  return std::distance(begin(all), end(all));
}

TEST(MachineTrunks, AReplacedWorkerLeavesNothingBehind) {
  const Counted counted;
  Pool pool({.workers = 1, .machines = {counted.machine()}, .recycle = {.requests = 1}, .background = true});
  const Processes processes(1);
  const auto near = descriptors_of(processes.near_trunk), far = descriptors_of(processes.far_trunk);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.submit(&square, i).get(), i * i);
  while (descriptors_of(processes.near_trunk) > near || descriptors_of(processes.far_trunk) > far) ::usleep(1000);
  EXPECT_EQ(counted.launches(), 1);
  EXPECT_LE(machines::children_of(processes.far_trunk).size(), 1u);
}

TEST(MachineTrunks, AStoppedWorkerIsKilledWithItsPool) {
  const Counted counted;
  std::vector<pid_t> all;
  {
    Pool pool({.workers = 2, .machines = {counted.machine()}, .worker = {.stop = {.close = 0s, .terminate = 0s}}});
    const Processes processes(2);
    all = processes.all();
    ::kill(processes.workers.front(), SIGSTOP);
  }
  expect_gone(all);
}

std::string failed_pool(const coproc::Machine& machine, const std::string& stage) {
  try {
    Pool pool({.workers = 2, .machines = {machine}});
  } catch (const coproc::StartError& error) {
    EXPECT_EQ(error.stage(), stage);
    return error.what();
  }
  return "the pool was made";
}

TEST(MachineTrunks, SayWhyALaunchHasFailed) {
  const std::string words =
      failed_pool(machines::by({"sh", "-c", "echo Permission denied >&2; exit 255", "sh"}, "node7"), "handshake");
  EXPECT_NE(words.find("could not be started on \"node7\""), std::string::npos) << words;
  EXPECT_NE(words.find("its launcher exited with code 255; it printed: "), std::string::npos) << words;
  EXPECT_NE(words.find("Permission denied"), std::string::npos) << words;
  const std::string missing = failed_pool(machines::by({"no such launcher"}), "exec");
  EXPECT_NE(missing.find("its launcher, the program \"no such launcher\", is not in PATH"), std::string::npos)
      << missing;
  // Agents of another version know nothing of trunks.
  const std::string other =
      failed_pool(machines::by({"sh", "-c", "echo 'usage: coproc-agent near|far' >&2", "sh"}), "handshake");
  EXPECT_NE(other.find("usage: coproc-agent"), std::string::npos) << other;
}

TEST(MachineTrunks, AMachineThatIsCutOffIsLostWhenItsWorkersHaveEnded) {
  machines::Network network;
  Pool pool({.workers = 2, .machines = {network.machine(10s)}, .background = true});
  Hanging tasks(pool, 2);
  const Processes processes(2, network.far());
  network.cut_from_far();
  const coproc::MachineLost lost = tasks.expect_lost();
  EXPECT_EQ(lost.fence, Fence::by_lease) << lost.why;
  for (const pid_t worker : processes.workers) EXPECT_TRUE(machines::has_ended(worker));
  network.mend();
  EXPECT_EQ(pool.submit(&square, 7).get(), 49);
  expect_gone(processes.all());
}

void expect_end_with_host(pid_t Processes::*stopped) {
  const Counted counted;
  support::Pipe told;
  support::Host host([&] {
    Pool pool({.workers = 3, .machines = {counted.machine()}});
    const Processes processes(3);
    if (stopped != nullptr) {
      ::kill(processes.*stopped, SIGSTOP);
      while (support::state_of(processes.*stopped) != 'T') {}
    }
    for (const pid_t each : processes.all()) told.write(each);
    support::sleep_for_ever();
  });
  std::vector<pid_t> all;
  for (int i = 0; i < 11; ++i) all.push_back(told.read<pid_t>());
  host.kill();
  expect_gone(all);
}

TEST(MachineTrunks, promise_09_LeaveNothingWhenTheHostIsKilled) { expect_end_with_host(nullptr); }

TEST(MachineTrunks, promise_09_LeaveNothingIfTheNearEndIsStopped) { expect_end_with_host(&Processes::near_trunk); }

}  // namespace
