// Strangers at the port at which a near agent waits for the one that it has had started. src/agent/listener_test.cpp
// has each kind of them.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "programs.hpp"

#include <chrono>
#include <initializer_list>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void add_one(PriorityMessenger& host) {
  for (;;) host.send_reply(host.receive_blocking<int>() + 1);
}

coproc::WorkerOptions behind(std::string strangers, coproc::PortRange ports = {}) {
  coproc::Launcher launcher = coproc::command({STRANGER_LAUNCHER, std::move(strangers)});
  launcher.connects_back = true;
  return {.start_timeout = 100s,
          .machine = coproc::Machine(
              std::move(launcher),
              {.name = "node", .agent = COPROC_AGENT, .silence = std::chrono::minutes(10), .ports = ports})};
}

coproc::StartError failed_start(const coproc::WorkerOptions& options) {
  WorkerResource worker{&add_one, options};
  try {
    worker.start();
  } catch (const coproc::StartError& error) {
    return error;
  }
  ADD_FAILURE() << "it was started";
  return coproc::StartError("none", 0, "was started");
}

void expect_words(const coproc::StartError& error, std::initializer_list<const char*> words) {
  for (const char* each : words) EXPECT_NE(std::string(error.what()).find(each), std::string::npos) << error.what();
}

TEST(MachineStrangers, DoNotKeepTheRightOneOut) {
  WorkerResource worker{&add_one, behind("strangers-first")};
  worker.start();
  worker.messenger().send_request(1);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 2);
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

TEST(MachineStrangers, AreNamedIfNobodyElseCame) {
  const auto error = failed_start(behind("only-strangers"));
  EXPECT_EQ(error.stage(), "connect");
  expect_words(error, {"on \"node\"", "the agent there did not connect back to port", "21 were turned away",
                       "the last one, from 127.0.0.1, had another key", "its launcher exited with code 3"});
}

TEST(MachineStrangers, WhoHasStolenTheKeyIsSeenByTheOneThatItWasFor) {
  // The start fails, because the agent there finds that somebody else has connected in its place.
  const auto error = failed_start(behind("thief"));
  expect_words(error, {"the agent there did not start it"});
}

TEST(MachineStrangers, PortsThatAreNoRangeAreRefused) {
  WorkerResource worker{&add_one, behind("strangers-first", {.first = 2, .last = 1})};
  EXPECT_THROW(worker.start(), coproc::InvalidArgumentError);
}

TEST(MachineStrangers, AnAgentThatDoesNotConnectBackIsToldInItsWords) {
  coproc::Launcher launcher = coproc::command({"sh", "-c", "printf '\\ncoproc-agent:1\\n'; echo no way >&2; exit 5"});
  launcher.connects_back = true;
  const auto error = failed_start({.machine = coproc::Machine(launcher, {.name = "node", .agent = COPROC_AGENT})});
  EXPECT_EQ(error.stage(), "connect");
  expect_words(error, {"did not connect back to port", "its launcher exited with code 5", "no way"});
}

}  // namespace
