// Workers on the nodes of a real Slurm cluster.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "machines/slurm_cluster.hpp"
#include "programs.hpp"
#include "support/process.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coproc::Machine;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

std::string node_name() {
  char name[64] = "";
  ::gethostname(name, sizeof name);
  return name;
}

void tell_node(PriorityMessenger& host) {
  host.send_norequest(std::pair(node_name(), static_cast<int>(::getpid())));
  for (;;) host.send_reply(host.receive_blocking<std::string>() + " from " + node_name());
}

std::vector<Machine> nodes(int count, std::vector<std::string> arguments = {},
                           coproc::Timeout silence = std::chrono::minutes(10)) {
  return coproc::slurm({.nodes = count,
                        .arguments = std::move(arguments),
                        .machine = {.agent = COPROC_AGENT, .agent_there = COPROC_AGENT, .silence = silence}});
}

std::string output_of(const std::string& command) {
  FILE* const output = ::popen((command + " 2>&1").c_str(), "r");
  std::string text;
  for (int c; (c = std::fgetc(output)) != EOF;) text += static_cast<char>(c);
  ::pclose(output);
  return text;
}

/// All allocations end: by themselves.
void wait_for_no_jobs() {
  while (!output_of("squeue -h").empty()) ::usleep(100'000);
}

#define SKIP_WITHOUT(cluster) \
  if (const std::string obstacle = (cluster).obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle

TEST(MachineSlurm, RunsWorkersThatEndWithoutATrace) {
  const machines::SlurmCluster cluster;
  SKIP_WITHOUT(cluster);
  EXPECT_EQ(support::in_host([&]() -> std::string {
              cluster.enter();
              testing::internal::CaptureStderr();
              WorkerResource worker{&tell_node, {.machine = nodes(1, {"-w", "h2"}).front()}};
              worker.start();
              const auto [node, pid] = worker.messenger().receive_blocking<std::pair<std::string, int>>();
              for (int i = 0; i < 20; ++i) {
                const std::string text(static_cast<std::size_t>(i) * 50'000, 'x');
                worker.messenger().send_request(text);
                if (worker.messenger().receive_blocking<std::string>() != text + " from h2") return "other text";
              }
              const coproc::ExitStatus status = worker.stop(machines::kPatient);
              wait_for_no_jobs();
              return node + ": " + status.describe() + testing::internal::GetCapturedStderr();
            }),
            "h2: exited with code 0");
}

TEST(MachineSlurm, AnAllocationHasAWorkerOnEachNode) {
  const machines::SlurmCluster cluster;
  SKIP_WITHOUT(cluster);
  EXPECT_EQ(support::in_host([&]() -> std::string {
              cluster.enter();
              output_of("salloc -N2 --no-shell");
              const std::string number = output_of("squeue -h -o %i");
              ::setenv("SLURM_JOB_ID", number.substr(0, number.find('\n')).c_str(), 1);
              std::set<std::string> names;
              {
                std::vector<std::unique_ptr<WorkerResource<void (*)(PriorityMessenger&)>>> workers;
                for (const Machine& node : nodes(2)) {
                  for (int i = 0; i < 2; ++i) {  // more than one on each
                    workers.push_back(std::make_unique<WorkerResource<void (*)(PriorityMessenger&)>>(
                        &tell_node, coproc::WorkerOptions{.machine = node}));
                    workers.back()->start();
                    const auto from = workers.back()->messenger().receive_blocking<std::pair<std::string, int>>();
                    names.insert(from.first);
                  }
                }
              }
              output_of("scancel -u root");
              wait_for_no_jobs();
              std::string text;
              for (const std::string& name : names) text += name + ' ';
              return text;
            }),
            "h1 h2 ");
}

TEST(MachineSlurm, promise_09_NothingLivesOnAfterAKilledHost) {
  const machines::SlurmCluster cluster;
  SKIP_WITHOUT(cluster);
  support::Pipe told;
  support::Host host([&] {
    cluster.enter();
    WorkerResource worker{&tell_node, {.machine = nodes(1).front()}};
    worker.start();
    told.write(worker.messenger().receive_blocking<std::pair<std::string, int>>().second);
    support::sleep_for_ever();
  });
  const pid_t worker = told.read<int>();
  EXPECT_FALSE(cluster.has_ended(worker));
  host.kill();
  while (!cluster.has_ended(worker)) ::usleep(1000);
  EXPECT_EQ(support::in_host([&]() -> std::string {
              cluster.enter();
              wait_for_no_jobs();
              return "no jobs";
            }),
            "no jobs");
}

TEST(MachineSlurm, ANodeThatIsCutOffIsLostWhenItsWorkerHasEnded) {
  const machines::SlurmCluster cluster;
  SKIP_WITHOUT(cluster);
  EXPECT_EQ(support::in_host([&]() -> std::string {
              cluster.enter();
              WorkerResource worker{&tell_node, {.machine = nodes(1, {"-w", "h1"}, 8s).front()}};
              worker.start();
              const int pid = worker.messenger().receive_blocking<std::pair<std::string, int>>().second;
              cluster.set_link(1, "down");
              const coproc::ExitStatus status = worker.join();
              const bool has_ended = cluster.has_ended(pid);
              cluster.set_link(1, "up");
              const auto* const lost = std::get_if<coproc::MachineLost>(&status.end);
              if (lost == nullptr) return status.describe();
              return lost->machine + (lost->fence == coproc::Fence::by_lease ? " by lease" : " by another fence") +
                     (has_ended ? ", ended" : ", runs on");
            }),
            "slurm 0 by lease, ended");
}

}  // namespace
