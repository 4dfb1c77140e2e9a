// Workers behind a real OpenSSH server: agent and program are sent there, and nothing is left when anything dies.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "machines/ssh_server.hpp"
#include "programs.hpp"
#include "support/process.hpp"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::PriorityMessenger;
using coproc::StartError;
using coproc::WorkerOptions;
using coproc::WorkerResource;

namespace {

class MachinesBySsh : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = server.obstacle(); !why.empty()) GTEST_SKIP() << "not run: " << why;
  }
  /// ssh, and the agents and the worker, of the one worker there is.
  static std::vector<pid_t> processes_of(pid_t worker) {
    std::vector<pid_t> all = {worker, machines::near_agent()};
    std::vector<pid_t> next = machines::children_of(all[1]);
    while (!next.empty()) {
      const pid_t one = next.back();
      next.pop_back();
      all.push_back(one);
      for (const pid_t child : machines::children_of(one)) next.push_back(child);
    }
    return all;
  }
  static void expect_gone(const std::vector<pid_t>& processes) {
    for (const pid_t each : processes) {
      while (!machines::has_ended(each)) ::usleep(1000);
    }
  }

  const machines::SshServer server;
};

void answer(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  for (;;) host.send_reply(host.receive_blocking<std::string>() + "!");
}

void tell_program(PriorityMessenger& host) {
  host.send_norequest(std::filesystem::read_symlink("/proc/self/exe").string());
  host.send_norequest(std::filesystem::read_symlink("/proc/" + std::to_string(::getppid()) + "/exe").string());
}

TEST_F(MachinesBySsh, AgentAndProgramAreSentOnceAndKept) {
  WorkerResource worker{&tell_program, {.machine = server.machine()}};
  std::vector<std::filesystem::file_time_type> times;
  for (int i = 0; i < 3; ++i) {
    worker.start();
    const auto program = worker.messenger().receive_blocking<std::string>();
    const auto agent = worker.messenger().receive_blocking<std::string>();
    EXPECT_TRUE(program.starts_with(server.home() + "/.cache/coproc/") && program.ends_with("/program")) << program;
    EXPECT_TRUE(agent.starts_with(server.home() + "/.cache/coproc/") && agent.ends_with("/coproc-agent")) << agent;
    EXPECT_TRUE(worker.join().success());
    EXPECT_EQ(server.cached().size(), 2u);
    std::vector<std::filesystem::file_time_type> now;
    for (const auto& file : {program, agent}) now.push_back(std::filesystem::last_write_time(file));
    if (i != 0) {
      EXPECT_EQ(now, times) << "it was sent again";
    }
    times = now;
  }
}

TEST_F(MachinesBySsh, MessagesOfEverySizePass) {
  WorkerResource worker{&answer, {.machine = server.machine()}};
  worker.start();
  (void)worker.messenger().receive_blocking<int>();
  for (const std::size_t bytes : {0u, 100u, 100'000u, 10'000'000u}) {
    worker.messenger().send_request(std::string(bytes, 'm'));
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), std::string(bytes, 'm') + "!");
  }
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

TEST_F(MachinesBySsh, SeveralFirstStartsAtOnceDoNotDisturbEachOther) {
  std::vector<std::unique_ptr<WorkerResource<void (*)(PriorityMessenger&)>>> workers;
  std::vector<std::thread> starts;
  for (int i = 0; i < 4; ++i) {
    workers.push_back(std::make_unique<WorkerResource<void (*)(PriorityMessenger&)>>(
        &answer, WorkerOptions{.start_timeout = 10min, .machine = server.machine()}));
    starts.emplace_back([&worker = *workers.back()] { worker.start(); });
  }
  for (auto& start : starts) start.join();
  for (auto& worker : workers) {
    worker->messenger().send_request(std::string("hello"));
    EXPECT_GT(worker->messenger().receive_blocking<int>(), 0);
    EXPECT_EQ(worker->messenger().receive_blocking<std::string>(), "hello!");
    EXPECT_TRUE(worker->stop(machines::kPatient).success());
  }
  EXPECT_EQ(server.cached().size(), 2u);
}

TEST_F(MachinesBySsh, FilesAtOddPathsThereAreFound) {
  for (const std::string name :
       {"two words", "it's", "\"$HOME\" `id`", "$(touch x); *?~!#", "new\nline", "back\\slash"}) {
    const std::string folder = server.path(name);
    std::filesystem::create_directory(folder);
    const std::string agent = folder + "/" + name, program = agent + " program";
    std::filesystem::create_symlink(COPROC_AGENT, agent);
    std::filesystem::create_symlink("/proc/" + std::to_string(::getpid()) + "/exe", program);
    WorkerResource worker{&answer, {.machine = server.machine({.agent_there = agent, .program_there = program})}};
    worker.start();
    EXPECT_GT(worker.messenger().receive_blocking<int>(), 0) << name;
    EXPECT_TRUE(worker.stop(machines::kPatient).success()) << name;
  }
  EXPECT_TRUE(server.cached().empty()) << "something was sent, although files there are given";
}

TEST_F(MachinesBySsh, ADestinationIsNeverTakenForAnOption) {
  const std::string proof = server.path("executed");
  const coproc::Machine machine(coproc::ssh("-oProxyCommand=touch " + proof), {.agent = COPROC_AGENT});
  WorkerResource worker{&answer, {.machine = machine}};
  EXPECT_THROW(worker.start(), StartError);
  EXPECT_FALSE(std::filesystem::exists(proof));
}

TEST_F(MachinesBySsh, AKeyThatDoesNotFitIsToldInTheWordsOfSsh) {
  const coproc::Machine machine(server.launcher("host_key"), {.agent = COPROC_AGENT});
  WorkerResource worker{&answer, {.name = "unlucky", .machine = machine}};
  try {
    worker.start();
    ADD_FAILURE() << "it was started";
  } catch (const StartError& error) {
    for (const char* words : {"\"unlucky\"", "on \"node7\"", "exited with code 255", "Permission denied"}) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }
}

TEST_F(MachinesBySsh, ACacheThatCannotBeWrittenIsTold) {
  std::ofstream(server.home() + "/.cache") << "a file where a folder is wanted";
  WorkerResource worker{&answer, {.machine = server.machine()}};
  try {
    worker.start();
    ADD_FAILURE() << "it was started";
  } catch (const StartError& error) {
    for (const char* words : {"exited with code 126", ".cache/coproc", "could not be made"}) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }
}

void crash(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  std::fputs("its last words\n", stderr);
  ::raise(SIGABRT);  // SIGSEGV would be the sanitizers's
}

TEST_F(MachinesBySsh, ACrashIsToldWithItsStackAndOutput) {
  WorkerResource worker{&crash, {.capture_stderr = true, .machine = server.machine()}};
  worker.start();
  const std::vector<pid_t> processes = processes_of(worker.messenger().receive_blocking<int>());
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGABRT) << status.describe();
  EXPECT_FALSE(status.stack.empty());
  EXPECT_EQ(status.stderr_tail, "its last words\n");
  expect_gone(processes);
}

TEST_F(MachinesBySsh, WhoeverIsKilledNothingIsLeft) {
  // Whom to kill: by the names of the processes, from the client to the worker.
  for (const std::string victim : {"ssh", "sshd", "coproc-far", "coproc-near", "worker"}) {
    SCOPED_TRACE(victim);
    WorkerResource worker{&answer, {.name = "worker", .machine = server.machine()}};
    worker.start();
    const std::vector<pid_t> processes = processes_of(worker.messenger().receive_blocking<int>());
    bool is_found = false;
    for (const pid_t each : processes) {
      if (machines::name_of(each) != victim) continue;
      is_found = true;
      ::kill(each, SIGKILL);
    }
    EXPECT_TRUE(is_found);
    const ExitStatus status = worker.join();
    if (victim == "worker") {
      EXPECT_EQ(status.signal(), SIGKILL) << status.describe();
    } else {
      machines::loss_of(status);
    }
    expect_gone(processes);
  }
}

TEST_F(MachinesBySsh, promise_09_OfTheHostLeavesNothing) {
  support::Pipe told;
  support::Host host([&] {
    WorkerResource worker{&answer, {.machine = server.machine()}};
    worker.start();
    const auto processes = processes_of(worker.messenger().receive_blocking<int>());
    told.write(processes.size());
    for (const pid_t each : processes) told.write(each);
    support::sleep_for_ever();
  });
  std::vector<pid_t> processes(told.read<std::size_t>());
  for (pid_t& each : processes) each = told.read<pid_t>();
  EXPECT_GE(processes.size(), 5u);
  host.kill();
  expect_gone(processes);
}

int square(int number) { return number * number; }

TEST_F(MachinesBySsh, AllWorkersOfAPoolShareOneConnection) {
  coproc::Pool pool({.workers = 4, .machines = {server.machine()}, .background = true});
  EXPECT_EQ(pool.submit(&square, 7).get(), 49);
  EXPECT_EQ(server.cached().size(), 2u);
  const pid_t trunk = machines::child_named(::getpid(), "coproc-trunk"), ssh = machines::child_named(trunk, "ssh");
  ASSERT_GT(ssh, 0);
  EXPECT_EQ(machines::children_of(trunk).size(), 1u);
  int near_agents = 0;
  for (const pid_t child : machines::children_of(::getpid())) {
    if (machines::name_of(child) != "coproc-near") continue;
    EXPECT_TRUE(machines::children_of(child).empty());
    ++near_agents;
  }
  EXPECT_EQ(near_agents, 4);
  // The connection breaks: another one takes its place.
  ::kill(ssh, SIGKILL);
  while (!machines::has_ended(trunk)) ::usleep(1000);
  EXPECT_EQ(pool.submit(coproc::TaskOptions{.max_retries = 9, .retries_unfenced = true}, &square, 8).get(), 64);
}

}  // namespace
