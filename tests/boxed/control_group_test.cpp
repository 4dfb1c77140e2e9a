// Workers in a control group of their own.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "os/resource_limits.hpp"
#include "os/sanitizer.hpp"
#include "support/temporary_file.hpp"

using coproc::PriorityMessenger;
using coproc::StartError;
using coproc::StartMethod;
using coproc::WorkerOptions;
using coproc::WorkerResource;
using testing::HasSubstr;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// The directory of the group of this process whose memory is accounted for, of version 1 or 2, if it may make groups
/// there.
std::optional<std::string> place_for_groups() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    std::string place = "/sys/fs/cgroup";
    if (!line.starts_with("0::")) {
      if (line.find(":memory:") == std::string::npos) continue;
      place += "/memory";
    }
    place += line.substr(line.rfind(':') + 1);
    const std::string probe = place + "/coproc-probe-" + std::to_string(::getpid());
    std::error_code error;
    if (!std::filesystem::create_directory(probe, error)) continue;
    const bool has_memory =
        std::filesystem::exists(probe + "/memory.max") || std::filesystem::exists(probe + "/memory.limit_in_bytes");
    std::filesystem::remove(probe, error);
    if (has_memory) return place;
  }
  return std::nullopt;
}

/// Fills so many MiB that no limit on the memory of one process counts.
void fill_shared(std::size_t mebibytes) {
  void* const memory = ::mmap(nullptr, mebibytes * kMiB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (std::size_t i = 0; i != mebibytes * kMiB; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
}

/// Says in which groups it is, and fills as much as it is told, in a process of its own if the number is negative.
void use_memory(PriorityMessenger& host) {
  std::stringstream groups;
  groups << std::ifstream("/proc/self/cgroup").rdbuf();
  host.send_norequest(groups.str());
  const int mebibytes = host.receive_blocking<int>();
  if (mebibytes < 0) {
    const pid_t child = ::fork();
    if (child == 0) {
      fill_shared(static_cast<std::size_t>(-mebibytes));
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    host.send_reply(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  } else {
    fill_shared(static_cast<std::size_t>(mebibytes));
    host.send_reply(0);
  }
}

/// Starts a process that has 40 MiB, which take a while to be given back, and waits.
void leave_a_child(PriorityMessenger& host) {
  if (::fork() == 0) {
    fill_shared(40);
    for (;;) ::pause();
  }
  host.send_norequest(1);
  (void)host.receive_blocking();
}

/// How many of those are there that this process has made.
std::size_t groups_in(const std::string& place) {
  const std::string own = "coproc-" + std::to_string(::getpid()) + "-";
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(place)) {
    count += entry.path().filename().string().starts_with(own) ? 1U : 0U;
  }
  return count;
}

class ControlGroupOfAdopted : public testing::Test {
 protected:
  void SetUp() override {
    if (coproc::os::kHasSanitizer) GTEST_SKIP() << "the sanitizer's own memory counts, too";
    if (const auto place = place_for_groups()) {
      place_ = *place;
    } else {
      GTEST_SKIP() << "no control group with a limit on memory can be made here";
    }
  }
  /// Version 1 counts kills, but not for which limit they were.
  bool is_v2() const { return !std::filesystem::exists(place_ + "/memory.limit_in_bytes"); }

  int too_much() const { return static_cast<int>(limit_ / kMiB) + 100; }  // MiB

  std::string place_;
  /// A fork begins with the memory of this process.
  const std::size_t limit_ = 64 * kMiB + coproc::os::data_bytes().value_or(0);
};

class ControlGroup : public ControlGroupOfAdopted, public testing::WithParamInterface<StartMethod> {
 protected:
  WorkerOptions options() const {
    return {.method = GetParam(), .limits = {.memory = limit_}, .control_group = place_};
  }
};

}  // namespace

TEST_P(ControlGroup, TooMuchMemoryEndsItAndIsNamed) {
  WorkerResource worker{&use_memory, options()};
  worker.start();
  EXPECT_THAT(worker.messenger().receive_blocking<std::string>(), HasSubstr("/coproc-" + std::to_string(::getpid())));
  EXPECT_EQ(groups_in(place_), 1U);
  EXPECT_THAT(worker.confinement().describe(), HasSubstr("of its control group (memory.max)"));
  const auto id = worker.messenger().send_request(too_much());
  EXPECT_THROW((void)worker.messenger().receive_reply<int>(id), coproc::WorkerDiedError);
  const auto status = worker.join();
  EXPECT_EQ(status.limit, is_v2() ? "memory.max" : "memory");
  EXPECT_THAT(status.describe(), HasSubstr(is_v2() ? "more memory than their control group may have"
                                                   : "it seems the out-of-memory killer"));
  EXPECT_EQ(groups_in(place_), 0U);
}

TEST_P(ControlGroup, OneThatKeepsWithinItEndsAsAlways) {
  WorkerResource worker{&use_memory, options()};
  for (int i = 0; i < 3; ++i) {
    worker.start();
    (void)worker.messenger().receive_blocking<std::string>();
    const auto id = worker.messenger().send_request(8);
    EXPECT_EQ(worker.messenger().receive_reply<int>(id), 0);
    EXPECT_TRUE(worker.join().success());
    EXPECT_EQ(groups_in(place_), 0U);
  }
}

/// Of version 2 all of them end together.
TEST_P(ControlGroup, ProcessesThatItStartsCount) {
  WorkerResource worker{&use_memory, options()};
  worker.start();
  (void)worker.messenger().receive_blocking<std::string>();
  const auto id = worker.messenger().send_request(-too_much());
  try {
    EXPECT_EQ(worker.messenger().receive_reply<int>(id), SIGKILL);
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().limit, is_v2() ? "memory.max" : "memory");
  }
}

TEST_P(ControlGroup, AKillThatSomebodySentIsNoneOfTheSystem) {
  WorkerResource worker{&use_memory, options()};
  worker.start();
  (void)worker.messenger().receive_blocking<std::string>();
  ::kill(worker.pid(), SIGKILL);
  const auto status = worker.join();
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_EQ(status.limit, "");
}

TEST_P(ControlGroup, AKillByItsHostIsNoneOfTheSystem) {
  WorkerResource worker{&use_memory, options()};
  worker.start();
  (void)worker.messenger().receive_blocking<std::string>();
  const auto id = worker.messenger().send_request(-too_much());
  try {
    (void)worker.messenger().receive_reply<int>(id);
    worker.kill();
  } catch (const coproc::WorkerDiedError&) {
    GTEST_SKIP() << "it was ended with the process that it had started";
  }
  EXPECT_EQ(worker.join().limit, "");
}

/// A process that was killed with the worker may take longer to end.
TEST_P(ControlGroup, NoneIsLeftOver) {
  WorkerOptions with_descendants = options();
  with_descendants.kill_descendants = true;
  WorkerResource worker{&leave_a_child, with_descendants};
  for (int i = 0; i < 5; ++i) {
    worker.start();
    (void)worker.messenger().receive_blocking<int>();
    worker.kill();
    (void)worker.join();
  }
  const auto begin = std::chrono::steady_clock::now();
  while (groups_in(place_) != 0 && std::chrono::steady_clock::now() - begin < std::chrono::minutes(1)) {
    WorkerResource another{&use_memory, options()};
    another.start();
    another.stop();
  }
  EXPECT_EQ(groups_in(place_), 0U);
}

/// A process that something else starts enters it by itself, before it runs its target or as soon as it wishes.
TEST_F(ControlGroupOfAdopted, IsEnteredAndRemoved) {
  for (const bool enters_early : {false, true}) {
    coproc::AdoptedWorker<> worker{{.limits = {.memory = limit_}, .control_group = place_}};
    coproc::LinkEnd end = worker.new_link();
    EXPECT_EQ(groups_in(place_), 1U);
    const int pid = ::fork();
    if (pid == 0) {
      if (enters_early) end.enter_control_group();
      ::_exit(end.run<PriorityMessenger>(&use_memory));
    }
    worker.adopt(pid);
    end.close();
    EXPECT_THAT(worker.confinement().describe(), HasSubstr("of its control group (memory.max)"));
    EXPECT_THAT(worker.messenger().receive_blocking<std::string>(), HasSubstr("/coproc-" + std::to_string(::getpid())));
    worker.messenger().send_norequest(too_much());
    EXPECT_EQ(worker.join().limit, is_v2() ? "memory.max" : "memory");
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
    EXPECT_EQ(groups_in(place_), 0U);
  }
}

TEST_F(ControlGroupOfAdopted, OneThatIsNeverStartedLeavesNone) {
  {
    coproc::AdoptedWorker<> worker{{.control_group = place_}};
    (void)worker.new_link();
    (void)worker.new_link();
    EXPECT_EQ(groups_in(place_), 1U);
  }
  EXPECT_EQ(groups_in(place_), 0U);
}

INSTANTIATE_TEST_SUITE_P(Methods, ControlGroup,
                         testing::Values(StartMethod::fork_server, StartMethod::spawn, StartMethod::fork),
                         [](const auto& test) {
                           return test.param == StartMethod::fork_server ? "fork_server"
                                  : test.param == StartMethod::spawn     ? "spawn"
                                                                         : "fork";
                         });

namespace {

std::string refusal_of(WorkerOptions options) {
  WorkerResource worker{&use_memory, std::move(options)};
  try {
    worker.start();
  } catch (const StartError& error) {
    EXPECT_EQ(error.stage(), "sandbox");
    return error.what();
  }
  return "it was started";
}

}  // namespace

TEST(ControlGroups, WhatIsNoneIsRefusedAndLeavesNothing) {
  const support::TemporaryFile file;
  const std::string place = file.path() + ".directory";
  EXPECT_THAT(refusal_of({.control_group = place}), HasSubstr("No such file or directory"));
  std::filesystem::create_directory(place);
  for (const auto method : {StartMethod::fork_server, StartMethod::spawn, StartMethod::fork}) {
    EXPECT_THAT(refusal_of({.method = method, .control_group = place}), HasSubstr("could not enter its group"));
  }
  EXPECT_THAT(refusal_of({.limits = {.memory = 64 * kMiB}, .control_group = place}),
              HasSubstr("has no controller for Limits::memory: write +memory"));
  EXPECT_THAT(refusal_of({.limits = {.processes = 5}, .control_group = place}),
              HasSubstr("has no controller for Limits::processes: write +pids"));
  EXPECT_EQ(groups_in(place), 0U);
  coproc::AdoptedWorker<> adopted{{.limits = {.memory = 64 * kMiB}, .control_group = place}};
  EXPECT_THROW((void)adopted.new_link(), StartError);
  EXPECT_EQ(groups_in(place), 0U);
  std::filesystem::remove(place);
}
