// Starts that are asked for and awaited apart, by an event loop or a coroutine.
#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "programs.hpp"
#include "support/coroutine.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::CancelledError;
using coproc::Executable;
using coproc::PriorityMessenger;
using coproc::StartError;
using coproc::StartMethod;
using coproc::WorkerResource;
using support::Coroutine;

namespace {

void answer(PriorityMessenger& host) {
  for (;;) host.send_reply(host.receive_blocking<int>() + 1);
}

using Worker = WorkerResource<void (*)(PriorityMessenger&)>;
using Program = WorkerResource<Executable, PriorityMessenger>;

/// Lets the worker's descriptor say when to go on.
template <class W>
void drive(W& worker) {
  while (!worker.await_start(0s)) EXPECT_TRUE(support::is_readable(worker.start_handle(), -1));
}

template <class W>
void expect_answers(W& worker) {
  const auto request = worker.messenger().send_request(1);
  EXPECT_EQ(worker.messenger().template receive_reply<int>(request), 2);
}

Coroutine await(coproc::Starting starting, std::string& result) {
  try {
    co_await starting;
    result = "runs";
  } catch (const StartError& error) {
    result = error.stage();
  } catch (const CancelledError&) {
    result = "cancelled";
  }
}

class StartAsync : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(, StartAsync, testing::Values(StartMethod::fork_server, StartMethod::spawn));

TEST_P(StartAsync, IsDrivenByItsHandle) {
  Worker worker(&answer, {.method = GetParam()});
  for (int restarts = 0; restarts < 3; ++restarts) {
    worker.start_async();
    EXPECT_FALSE(worker.is_alive());
    drive(worker);
    EXPECT_TRUE(worker.is_alive());
    expect_answers(worker);
    EXPECT_THROW(worker.start_handle(), coproc::InvalidArgumentError);  // no start is under way
    worker.stop();
  }
}

TEST_P(StartAsync, IsAwaitedByABlockingCall) {
  Worker worker(&answer, {.method = GetParam()});
  worker.start_async();
  EXPECT_FALSE(worker.is_alive());
  EXPECT_TRUE(worker.await_start());
  EXPECT_TRUE(worker.await_start());  // nothing is under way
  expect_answers(worker);
}

TEST_P(StartAsync, IsAwaitedByACoroutine) {
  Worker worker(&answer, {.method = GetParam()});
  std::string result;
  const Coroutine waits = await(worker.start_async(), result);
  drive(worker);
  EXPECT_EQ(result, "runs");
  expect_answers(worker);
}

TEST_P(StartAsync, AFailureIsThrownWhereItIsAwaited) {
  Worker worker(&answer, {.method = GetParam(), .working_directory = "/no/such/directory"});
  try {
    worker.start_async();
    drive(worker);
    ADD_FAILURE() << "it started";
  } catch (const StartError& error) {
    EXPECT_EQ(error.stage(), "working_directory");
  }
  EXPECT_TRUE(worker.await_start(0s));  // it was told
}

TEST_P(StartAsync, SeveralAreUnderWayAtOnce) {
  Worker first(&answer, {.method = GetParam()}), second(&answer, {.method = GetParam()});
  first.start_async();
  second.start_async();
  drive(second);
  drive(first);
  expect_answers(first);
  expect_answers(second);
}

void answer_neighbour(PriorityMessenger&, PriorityMessenger neighbour) {
  neighbour.send_reply(neighbour.receive_blocking<int>() * 2);
}

TEST_P(StartAsync, HandsMessengersOver) {
  auto [mine, theirs] = PriorityMessenger::new_pair();
  WorkerResource worker(&answer_neighbour, {.method = GetParam()});
  worker.start_async(std::move(theirs));
  drive(worker);
  EXPECT_EQ(mine.receive_reply<int>(mine.send_request(4)), 8);
}

TEST_P(StartAsync, OneThatIsGivenUpLeavesNothing) {
  Worker worker(&answer, {.method = GetParam()});
  worker.start_async();
  worker.cancel_start();
  worker.cancel_start();  // there is none
  worker.start_async();
  (void)worker.start_handle();
  worker.start();
  expect_answers(worker);
  Worker destroyed(&answer, {.method = GetParam()});
  destroyed.start_async();
}

// This start is over only when it is given up.
TEST(StartAsyncOfProgram, OneThatIsGivenUpIsToldOf) {
  std::string first, second, third, fourth;
  Program silent(Executable{"/bin/sleep", {"1000"}});
  const Coroutine waits = await(silent.start_async(), first);
  EXPECT_EQ(first, "");
  silent.cancel_start();
  EXPECT_EQ(first, "cancelled");
  const Coroutine waits_again = await(silent.start_async(), second);
  Coroutine is_destroyed = await(silent.start_async(), third);  // gives the one before up
  EXPECT_EQ(second, "cancelled");
  is_destroyed.destroy();
  EXPECT_FALSE(silent.await_start(0s));
  silent.cancel_start();
  EXPECT_EQ(third, "");
  {
    Program destroyed(Executable{"/bin/sleep", {"1000"}});
    const Coroutine waits_for_it = await(destroyed.start_async(), fourth);
    Program moved = std::move(destroyed);
    EXPECT_EQ(fourth, "");
  }
  EXPECT_EQ(fourth, "cancelled");
}

TEST(StartAsyncOfFork, IsOverWhenItIsAskedFor) {
  int captured = 5;
  WorkerResource worker{[captured](PriorityMessenger& host) { host.send_norequest(captured); }};
  std::string result;
  const Coroutine waits = await(worker.start_async(), result);
  EXPECT_EQ(result, "runs");
  EXPECT_THROW(worker.start_handle(), coproc::InvalidArgumentError);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 5);
}

TEST(StartAsyncOfFork, GoesOnIfTheForkServerIsKilledMeanwhile) {
  coproc::start_fork_server();
  const pid_t server = support::fork_server_of(::getpid());
  ASSERT_GT(server, 0);
  ::kill(server, SIGSTOP);
  while (support::state_of(server) != 'T') std::this_thread::yield();
  Worker worker(&answer, {.method = StartMethod::fork_server});
  worker.start_async();
  EXPECT_FALSE(worker.await_start(0s));
  EXPECT_FALSE(worker.await_start(1ms));
  EXPECT_FALSE(support::is_readable(worker.start_handle(), 0));
  ::kill(server, SIGKILL);
  EXPECT_TRUE(support::is_readable(worker.start_handle(), -1));
  drive(worker);
  expect_answers(worker);
}

TEST(StartAsyncOfProgram, RunsItIfItTakesTheArguments) {
  Program worker(Executable{EXECUTABLE_WORKER, {"adder"}});
  worker.start_async(40L);
  drive(worker);
  EXPECT_TRUE(worker.is_alive());
  try {
    Program refuses(Executable{EXECUTABLE_WORKER, {"adder"}});
    refuses.start_async(std::string("40"));
    drive(refuses);
    ADD_FAILURE() << "it started";
  } catch (const StartError& error) {
    EXPECT_EQ(error.stage(), "arguments") << error.what();
  }
}

TEST(StartAsyncOfProgram, ThatIsNoWorkerIsToldOfInTime) {
  Program silent(Executable{"/bin/sleep", {"1000"}}, {.start_timeout = 100ms});
  std::string result;
  const Coroutine waits = await(silent.start_async(), result);
  drive(silent);
  EXPECT_EQ(result, "handshake");
  Program ends(Executable{"/bin/sh", {"-c", "echo no worker here >&2; exit 7"}});
  ends.start_async();
  try {
    drive(ends);
    ADD_FAILURE() << "it started";
  } catch (const StartError& error) {
    ASSERT_TRUE(error.exit_status());
    EXPECT_EQ(error.exit_status()->code(), 7);
    EXPECT_NE(std::string(error.what()).find("no worker here"), std::string::npos) << error.what();
  }
}

// What a program sends that is no worker must neither start it nor block the loop.
TEST(StartAsyncOfProgram, APartOfAReportDoesNotBlock) {
  Program talks(Executable{"/bin/sh",
                           {"-c",
                            "for fd in /proc/self/fd/*; do n=${fd##*/}; [ $n -gt 2 ] && "
                            "printf xyz >&$n; done 2>/dev/null; exec sleep 1000"}},
                {.start_timeout = 300ms});
  talks.start_async();
  EXPECT_THROW(drive(talks), StartError);
}

}  // namespace
