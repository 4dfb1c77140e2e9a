// The report of a worker that its sandbox has ended: the call by its name, its arguments, the stack, and what allows
// it.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>

#include <string>

#include "boxed/boxed_worker.hpp"

using boxed::BoxedWorker;
using coproc::Sandbox;
using ::testing::HasSubstr;

namespace {

class Violations : public boxed::ByEveryMethod {};
INSTANTIATE_TEST_SUITE_P(By, Violations, boxed::every_method(), boxed::name_of_method);

TEST_P(Violations, TheCallIsNamedWithItsArgumentsItsStackAndWhatAllowsIt) {
  BoxedWorker worker(GetParam(), Sandbox::compute().strict());
  worker.start();
  EXPECT_EQ(worker.ask_or_end("try tcp"), "ends: socket");
  const auto status = worker->join();
  EXPECT_EQ(status.signal(), SIGSYS);
  ASSERT_TRUE(status.violation);
  EXPECT_EQ(status.violation->arguments[0], std::uint64_t{AF_INET});
  EXPECT_EQ(status.violation->arguments[1], std::uint64_t{SOCK_STREAM | SOCK_CLOEXEC});
  EXPECT_EQ(status.violation->arguments[2], 0U);
  EXPECT_THAT(status.describe(), testing::StartsWith("was ended by its sandbox: it called socket(2, 0x80001, 0, "));
  EXPECT_THAT(status.describe(), HasSubstr("Sandbox::allow(\"socket\") would allow"));
  ASSERT_FALSE(status.stack.empty());
  EXPECT_THAT(status.stack[0], HasSubstr("socket"));
  EXPECT_THAT(status.report(), HasSubstr("boxed::"));
}

TEST_P(Violations, WhatTheReportNamesCanBeAllowed) {
  BoxedWorker worker(GetParam(), Sandbox::compute().strict().allow("socket"));
  worker.start();
  EXPECT_EQ(worker.ask("try tcp"), "works");
  EXPECT_EQ(worker.ask_or_end("try open /etc/passwd"), "ends: openat");
}

TEST_P(Violations, WithoutCrashReportsOnlyTheSignalIsKnown) {
  coproc::WorkerOptions options{.name = "silent", .report_crashes = false, .sandbox = Sandbox::compute()};
  BoxedWorker worker(GetParam(), options);
  worker.start();
  EXPECT_THAT(worker.ask_or_end("try mount"), HasSubstr("SIGSYS"));
  EXPECT_FALSE(worker->join().violation);
}

TEST_P(Violations, ASignalThatIsOnlySentIsNoViolation) {
  BoxedWorker worker(GetParam(), Sandbox::compute());
  worker.start();
  EXPECT_THAT(worker.ask_or_end("raise " + std::to_string(SIGSYS)), HasSubstr("was killed by SIGSYS"));
}

TEST_P(Violations, TheWorkerCanBeStartedAgainAndTheReportIsOfItsOwnRun) {
  BoxedWorker worker(GetParam(), Sandbox::compute());
  worker.start();
  EXPECT_EQ(worker.ask_or_end("try mount"), "ends: mount");
  worker.start();
  EXPECT_EQ(worker.ask("echo again"), "again");
  EXPECT_TRUE(worker->stop().success());
  EXPECT_FALSE(worker->exit_status()->violation);
}

}  // namespace
