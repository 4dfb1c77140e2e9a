// Starts on another machine: what travels there, and what is said when a start fails.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "programs.hpp"
#include "support/process.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerOptions;
using coproc::WorkerResource;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

namespace {

void wait_for_ever(PriorityMessenger& host) { host.receive_blocking<int>(); }

/// The error of a start that must fail.
coproc::StartError failed_start(WorkerOptions options) {
  options.name = "unlucky";
  WorkerResource worker{&wait_for_ever, std::move(options)};
  try {
    worker.start();
  } catch (const coproc::StartError& error) {
    EXPECT_FALSE(worker.is_alive());
    return error;
  }
  ADD_FAILURE() << "it was started";
  return coproc::StartError("none", 0, "was started");
}

void expect_words(const coproc::StartError& error, std::initializer_list<const char*> words) {
  for (const char* each : words) EXPECT_NE(std::string(error.what()).find(each), std::string::npos) << error.what();
}

TEST(MachineStarts, ALauncherThatThereIsNotIsNamed) {
  const auto error = failed_start({.machine = machines::by({"no-such-launcher", "node7"}, "node7")});
  EXPECT_EQ(error.stage(), "exec");
  EXPECT_EQ(error.error_number(), ENOENT);
  expect_words(error, {"\"unlucky\"", "on \"node7\"", "its launcher", "no-such-launcher", "not in PATH"});
}

TEST(MachineStarts, AnAgentThatThereIsNotHereIsNamed) {
  const coproc::Machine machine(coproc::command({"env"}), {.agent = "no-such-agent"});
  expect_words(failed_start({.machine = machine}), {"near agent", "no-such-agent", "install coproc-agent"});
}

TEST(MachineStarts, AnAgentThatThereIsNotThereIsToldInTheLaunchersWords) {
  const coproc::Machine machine(coproc::command({"env"}), {.agent = COPROC_AGENT, .agent_there = "no-such-agent"});
  const auto error = failed_start({.machine = machine});
  EXPECT_EQ(error.stage(), "handshake");
  expect_words(error,
               {"the agent there did not start", "its launcher exited with code 127", "it printed", "no-such-agent"});
}

TEST(MachineStarts, AProgramThatThereIsNotThereIsNamed) {
  const coproc::Machine machine(coproc::command({"env"}), {.agent = COPROC_AGENT, .program_there = "/no/such/program"});
  const auto error = failed_start({.machine = machine});
  EXPECT_EQ(error.stage(), "exec");
  EXPECT_EQ(error.error_number(), ENOENT);
  expect_words(error, {"/no/such/program", "could not be executed", "No such file"});
}

TEST(MachineStarts, AProgramThatIsNoWorkerIsToldWithItsEnd) {
  const coproc::Machine machine(coproc::command({"env"}), {.agent = COPROC_AGENT, .program_there = "/bin/false"});
  const auto error = failed_start({.machine = machine});
  ASSERT_TRUE(error.exit_status().has_value());
  EXPECT_EQ(error.exit_status()->code(), 1);
}

TEST(MachineStarts, ALauncherThatStartsNothingIsGivenUpAfterTheTime) {
  const auto error =
      failed_start({.start_timeout = 200ms, .machine = machines::by({"sh", "-c", "exec sleep 1000", "sh"})});
  expect_words(error, {"its launcher did not start the agent there in WorkerOptions::start_timeout"});
}

TEST(MachineStarts, ALauncherThatSaysSomethingElseIsQuoted) {
  const auto error =
      failed_start({.machine = machines::by({"sh", "-c", "echo Permission denied >&2; exit 255", "sh"})});
  expect_words(error, {"its launcher exited with code 255", "Permission denied"});
}

TEST(MachineStarts, AnotherAgentIsToldFromThisOne) {
  // A greeting of four versions that there are not.
  const std::string greeting =
      R"(printf '\ncoproc-agent:1\n\014\0\0\0\001\0\0\0\0\0\0\0\0\0\0\0\011\0\0\0\011\0\0\0\011\0\0\0')";
  const auto error = failed_start({.machine = machines::by({"sh", "-c", greeting + "; cat > /dev/null", "sh"})});
  expect_words(error, {"do not fit together", "there wire 9, link 9, start 9", "install the same coproc on both"});
}

TEST(MachineStarts, GarbageInPlaceOfFramesIsRefused) {
  const std::string garbage = R"(printf '\ncoproc-agent:1\nthis is no frame, but it is long enough'; cat > /dev/null)";
  const auto error = failed_start({.machine = machines::by({"sh", "-c", garbage, "sh"})});
  expect_words(error, {"broke the rules"});
}

TEST(MachineStarts, WhatALauncherPrintsBeforeTheAgentDoesNoHarm) {
  WorkerResource worker{&wait_for_ever, {.machine = machines::by({"sh", "-c", "echo Welcome; exec \"$@\"", "sh"})}};
  worker.start();
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

TEST(MachineStarts, AWorkingDirectoryThatThereIsNotIsNamed) {
  const auto error = failed_start({.working_directory = "/no/such/directory", .machine = machines::here()});
  EXPECT_EQ(error.stage(), "working_directory");
  expect_words(error, {"/no/such/directory"});
}

template <class Error, class Target>
void expect_refused(Target target, WorkerOptions options, const char* words) {
  WorkerResource worker{target, std::move(options)};
  try {
    worker.start();
    ADD_FAILURE() << "it was started: " << words;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}

TEST(MachineStarts, WhatOnlyAProcessOfThisMachineCanHaveIsRefused) {
  using coproc::InvalidArgumentError;
  expect_refused<InvalidArgumentError>(&wait_for_ever, {.keep_fds = {1}, .machine = machines::here()}, "keep_fds");
  expect_refused<InvalidArgumentError>(&wait_for_ever,
                                       {.stdin_ = coproc::FileDescriptor{0}, .machine = machines::here()}, "stdin_");
  expect_refused<InvalidArgumentError>(
      &wait_for_ever, {.method = coproc::StartMethod::fork, .machine = machines::here()}, "StartMethod::automatic");
  expect_refused<InvalidArgumentError>(&wait_for_ever, {.machine = machines::by({})}, "no command");
  expect_refused<InvalidArgumentError>(&wait_for_ever,
                                       {.machine = machines::here(), .sandbox = coproc::Sandbox::compute()}, "sandbox");
  expect_refused<InvalidArgumentError>(&wait_for_ever, {.machine = machines::here(), .limits = {.open_files = 100}},
                                       "limits");
  int captured = 0;
  expect_refused<InvalidArgumentError>([&captured](PriorityMessenger&) { ++captured; }, {.machine = machines::here()},
                                       "cannot be started on");
}

void take_messenger(PriorityMessenger&, PriorityMessenger) {}

TEST(MachineStarts, AMessengerAmongTheArgumentsIsRefused) {
  WorkerResource worker{&take_messenger, {.machine = machines::here()}};
  auto [mine, theirs] = PriorityMessenger::new_pair();
  EXPECT_THROW(worker.start(std::move(theirs)), coproc::InvalidArgumentError);
}

void tell_of_itself(PriorityMessenger& host, const std::string& text) {
  char directory[4096];
  const char* const variable = std::getenv("MACHINE_TEST");
  const char* const removed = std::getenv("MACHINE_TEST_REMOVED");
  host.send_norequest(text);
  host.send_norequest(std::string(::getcwd(directory, sizeof directory)));
  host.send_norequest(std::string(variable == nullptr ? "none" : variable));
  host.send_norequest(removed == nullptr);
  host.send_norequest(std::getenv("COPROC_START") == nullptr);
  host.send_norequest(coproc::this_worker::number());
  host.send_norequest(coproc::this_worker::seed());
  host.send_norequest(machines::name_of(::getpid()));
  host.send_norequest(::read(0, directory, 1) == 0);
}

TEST(MachineStarts, ArgumentsEnvironmentDirectoryAndIdentityTravel) {
  const std::string large(3'000'000, 'a');  // in many frames
  std::uint64_t seed_here = 0;
  for (const bool is_there : {false, true}) {
    WorkerOptions options{.name = "traveller",
                          .env = {{"MACHINE_TEST", "set"}, {"MACHINE_TEST_REMOVED", std::nullopt}},
                          .working_directory = "/usr",
                          .stdin_ = coproc::DevNull{},
                          .number = 42,
                          .seed = 7};
    if (is_there) options.machine = machines::by({"env", "MACHINE_TEST_REMOVED=1"});
    WorkerResource worker{&tell_of_itself, options};
    worker.start(large);
    auto& messenger = worker.messenger();
    EXPECT_EQ(messenger.receive_blocking<std::string>(), large);
    EXPECT_EQ(messenger.receive_blocking<std::string>(), "/usr");
    EXPECT_EQ(messenger.receive_blocking<std::string>(), "set");
    EXPECT_TRUE(messenger.receive_blocking<bool>()) << "the variable was not removed";
    EXPECT_TRUE(messenger.receive_blocking<bool>()) << "the marker of the start is still there";
    EXPECT_EQ(messenger.receive_blocking<std::uint64_t>(), 42u);
    const auto seed = messenger.receive_blocking<std::uint64_t>();
    if (!is_there) seed_here = seed;
    EXPECT_EQ(seed, seed_here);
    EXPECT_EQ(messenger.receive_blocking<std::string>(), "traveller");
    EXPECT_TRUE(messenger.receive_blocking<bool>()) << "its stdin is not empty";
    EXPECT_TRUE(worker.join().success());
  }
}

TEST(MachineStarts, AnExecutableIsStartedThere) {
  WorkerResource worker{coproc::Executable{EXECUTABLE_WORKER}, {.machine = machines::here()}};
  worker.start(std::string("hello"), 2);
  for (const char* name : {"one", "two"}) {
    worker.messenger().send_request(std::string(name));
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), std::string("hello, ") + name);
  }
  EXPECT_TRUE(worker.join().success());
  EXPECT_THROW(worker.start(1.5), coproc::StartError);  // other arguments than it takes
}

TEST(MachineStarts, AnExecutableThatIsANameIsLookedUpThere) {
  const std::string path = EXECUTABLE_WORKER;
  const std::size_t slash = path.rfind('/');
  const auto machine = [](std::string variable) { return machines::by({"env", std::move(variable)}, "there"); };
  WorkerResource worker{coproc::Executable{path.substr(slash + 1)},
                        {.machine = machine("PATH=" + path.substr(0, slash))}};
  worker.start(std::string("hello"), 1);
  worker.messenger().send_request(std::string("one"));
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "hello, one");
  EXPECT_TRUE(worker.join().success());
  WorkerResource missing{coproc::Executable{path.substr(slash + 1)}, {.machine = machine("PATH=/no/such/folder")}};
  try {
    missing.start(std::string("hello"), 1);
    ADD_FAILURE() << "it was started";
  } catch (const coproc::StartError& error) {
    EXPECT_EQ(error.error_number(), ENOENT);
    expect_words(error, {"on \"there\"", "is not in PATH there"});
  }
}

struct Counter {
  Counter(PriorityMessenger& host, int start) : host_(host), count_(start) {}
  void operator()() {
    for (;;) host_.send_reply(count_ += host_.receive_blocking<int>());
  }

 private:
  PriorityMessenger& host_;
  int count_;
};

TEST(MachineStarts, AClassIsConstructedThere) {
  WorkerResource<Counter> worker{std::in_place, {.machine = machines::here()}};
  worker.start(10);
  worker.messenger().send_request(5);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 15);
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

TEST(MachineStarts, SeveralRunAtTheSameTime) {
  std::vector<std::unique_ptr<WorkerResource<Counter>>> workers;
  for (int i = 0; i < 5; ++i) {
    workers.push_back(
        std::make_unique<WorkerResource<Counter>>(std::in_place, WorkerOptions{.machine = machines::here()}));
    workers.back()->start(i);
  }
  for (int i = 0; i < 5; ++i) workers[static_cast<std::size_t>(i)]->messenger().send_request(100);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(workers[static_cast<std::size_t>(i)]->messenger().receive_blocking<int>(), 100 + i);
  }
  std::vector<coproc::Worker*> all;
  for (const auto& worker : workers) all.push_back(worker.get());
  for (const auto& status : coproc::Worker::stop_all(all, machines::kPatient))
    EXPECT_TRUE(status.success()) << status.describe();
}

TEST(MachineStarts, TheAgentTellsAUserWhatItIsFor) {
  const std::string command = std::string(COPROC_AGENT) + " 2>&1 >/dev/null";
  FILE* const output = ::popen(command.c_str(), "r");
  char text[256] = {};
  const std::size_t bytes = std::fread(text, 1, sizeof text - 1, output);
  EXPECT_GT(bytes, 0u);
  EXPECT_NE(std::string(text).find("it is executed by coproc"), std::string::npos) << text;
  EXPECT_EQ(WEXITSTATUS(::pclose(output)), 2);
}

}  // namespace
