// Worker::stack: where a worker is that lives, whatever it does, without harm to it.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "os/sanitizer.hpp"
#include "scenario/hangs.hpp"
#include "support/process.hpp"

using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::ThreadStack;
using coproc::WorkerResource;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using namespace hangs;
using namespace std::chrono_literals;

namespace {

[[gnu::noinline]] void spin_without_a_frame() {
  // The unwinder would read the caller's address from there.
#if defined(__x86_64__)
  asm volatile("mov $16, %%rbp\n1: pause\njmp 1b" ::: "memory");
#endif
}

void hang(PriorityMessenger& host, const std::string& how) {
  host.send_norequest(1);
  if (how == "spin") spin_on();
  if (how == "lock") wait_for_a_lock();
  if (how == "sleep") sleep_on();
  if (how == "read") read_on();
  if (how == "receive") receive_on(host);
  if (how == "frameless") {
    volatile char* const room = static_cast<char*>(__builtin_alloca(how.size()));  // so that frames are found by rbp
    room[0] = 0;
    spin_without_a_frame();
  }
}

/// Asks until a frame of the worker's first thread names this function.
std::vector<ThreadStack> stack_with(coproc::Worker& worker, const std::string& function, coproc::Timeout time = 10s) {
  for (;;) {
    auto threads = worker.stack(time);
    for (const ThreadStack& thread : threads) {
      if (testing::Matches(Contains(HasSubstr(function)))(thread.stack)) return threads;
    }
    std::this_thread::sleep_for(1ms);
  }
}

const ThreadStack& first_of(const std::vector<ThreadStack>& threads, int pid) {
  return *std::find_if(threads.begin(), threads.end(), [&](const ThreadStack& each) { return each.id == pid; });
}

class Stack : public ::testing::TestWithParam<StartMethod> {
 protected:
  void SetUp() override {
    if (coproc::os::kHasSanitizer) GTEST_SKIP() << "a sanitizer keeps signals back, and wraps the calls that wait";
  }
};
INSTANTIATE_TEST_SUITE_P(, Stack, ::testing::Values(StartMethod::fork_server, StartMethod::fork, StartMethod::spawn),
                         [](const auto& method) -> std::string {
                           return method.param == StartMethod::fork    ? "fork"
                                  : method.param == StartMethod::spawn ? "spawn"
                                                                       : "fork_server";
                         });

TEST_P(Stack, SaysWhatAWorkerIsIn) {
  const std::vector<std::pair<std::string, std::string>> ways{{"spin", "spin_on"},
                                                              {"lock", "wait_for_a_lock"},
                                                              {"sleep", "sleep_on"},
                                                              {"read", "read_on"},
                                                              {"receive", "receive_on"}};
  for (const auto& [how, function] : ways) {
    SCOPED_TRACE(how);
    WorkerResource worker{&hang, {.method = GetParam(), .name = "hangs", .stop = {.close = 0s, .terminate = 0s}}};
    worker.start(how);
    EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
    const auto threads = stack_with(worker, function);
    const ThreadStack& first = first_of(threads, worker.pid());
    EXPECT_THAT(first.stack.back(), HasSubstr("hang("));  // nothing that only led to the target
    EXPECT_EQ(first.note, "");
    EXPECT_THAT(first.describe(), HasSubstr(function));
    stack_with(worker, function);  // it is still there
  }
}

TEST_P(Stack, WaitsGoOnAfterwards) {
  WorkerResource worker{+[](PriorityMessenger& host) {
                          for (;;) host.send_reply(host.receive_blocking<int>() + 1);
                        },
                        {.method = GetParam()}};
  worker.start();
  for (int i = 0; i < 300; ++i) {
    const auto id = worker.messenger().send_request(i);
    EXPECT_THAT(worker.stack(10s), SizeIs(1));
    EXPECT_EQ(worker.messenger().receive_reply<int>(id), i + 1);
  }
  EXPECT_TRUE(worker.stop().success());
}

[[gnu::noinline]] void be_the_first() { sleep_on(); }
[[gnu::noinline]] void be_the_second() { sleep_on(); }

void run_threads(PriorityMessenger& host) {
  std::thread([] {
    ::prctl(PR_SET_NAME, "first\x1b[31m");
    be_the_first();
  }).detach();
  std::thread(be_the_second).detach();
  host.send_norequest(1);
  for (;;) host.send_reply(host.receive_blocking<int>());
}

TEST_P(Stack, IsThatOfEachThread) {
  WorkerResource worker{&run_threads, {.method = GetParam()}};
  worker.start();
  worker.messenger().receive_blocking<int>();
  std::vector<ThreadStack> threads;
  std::string text;
  const auto is_missing = [&](const char* what) { return text.find(what) == std::string::npos; };
  while (is_missing("be_the_first") || is_missing("be_the_second") || is_missing("(first\\x1b[31m)")) {
    threads = worker.stack(10s);
    text.clear();
    for (const ThreadStack& thread : threads) text += thread.describe() + '\n';
  }
  EXPECT_THAT(threads, SizeIs(3));
  worker.messenger().send_request(5);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 5);
}

void block_requests(PriorityMessenger& host) {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::thread([] {
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    spin_on();
  }).detach();
  host.send_norequest(1);
  host.receive_blocking<int>();
  ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
  host.send_norequest(2);
  sleep_on();
}

TEST_P(Stack, AThreadThatBlocksRequestsSaysSoAndIsNotMistakenForAnotherLater) {
  WorkerResource worker{&block_requests, {.method = GetParam(), .stop = {.close = 0s, .terminate = 0s}}};
  worker.start();
  worker.messenger().receive_blocking<int>();
  for (int i = 0; i < 2; ++i) {  // the second time the area holds the answer of the other thread
    const auto blocked = stack_with(worker, "spin_on", 200ms);
    EXPECT_THAT(first_of(blocked, worker.pid()).stack, IsEmpty());
    EXPECT_THAT(first_of(blocked, worker.pid()).note, HasSubstr("not answered in time"));
  }
  worker.messenger().send_norequest(1);  // the old requests are answered now
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 2);
  const auto threads = stack_with(worker, "sleep_on");
  EXPECT_THAT(first_of(threads, worker.pid()).stack, Contains(HasSubstr("block_requests")));
}

TEST_P(Stack, AStoppedWorkerIsNotAsked) {
  WorkerResource worker{&hang, {.method = GetParam(), .stop = {.close = 0s, .terminate = 0s}}};
  worker.start("spin");
  worker.messenger().receive_blocking<int>();
  ::kill(worker.pid(), SIGSTOP);
  while (support::state_of(worker.pid()) != 'T') std::this_thread::yield();
  const auto threads = worker.stack();
  ASSERT_THAT(threads, SizeIs(1));
  EXPECT_EQ(threads[0].state, "stopped");
  EXPECT_THAT(threads[0].stack, IsEmpty());
  EXPECT_THAT(threads[0].note, HasSubstr("cannot answer"));
  ::kill(worker.pid(), SIGCONT);
  EXPECT_THAT(stack_with(worker, "spin_on"), SizeIs(1));
}

TEST_P(Stack, AFaultOfTheUnwinderCostsNoWorker) {
  WorkerResource worker{&hang, {.method = GetParam(), .stop = {.close = 0s, .terminate = 0s}}};
  worker.start("frameless");
  worker.messenger().receive_blocking<int>();
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(worker.stack(10s).at(0).stack, Not(IsEmpty()));
    EXPECT_TRUE(worker.is_alive());
  }
}

TEST_P(Stack, AWorkerWithoutAHandlerIsNotEndedByTheRequest) {
  WorkerResource worker{&hang, {.method = GetParam(), .report_crashes = false}};
  worker.start("receive");
  worker.messenger().receive_blocking<int>();
  const auto threads = worker.stack();
  ASSERT_THAT(threads, SizeIs(1));
  EXPECT_THAT(threads[0].stack, IsEmpty());
  EXPECT_THAT(threads[0].note, HasSubstr("report_crashes"));
  EXPECT_TRUE(worker.stop().success());
}

[[gnu::noinline]] void where_it_gives_up() { std::abort(); }

TEST_P(Stack, ACrashAfterwardsIsReportedAsEver) {
  WorkerResource worker{+[](PriorityMessenger& host) {
                          host.send_norequest(1);
                          try {
                            receive_on(host);
                          } catch (const coproc::ResourceRequestedClose&) {
                            where_it_gives_up();
                          }
                        },
                        {.method = GetParam()}};
  worker.start();
  worker.messenger().receive_blocking<int>();
  stack_with(worker, "receive_on");
  const auto status = worker.stop();
  EXPECT_EQ(status.signal(), SIGABRT);
  EXPECT_THAT(status.stack, Contains(HasSubstr("where_it_gives_up")));
  EXPECT_THAT(status.stack, Not(Contains(HasSubstr("receive_on"))));
}

TEST_P(Stack, IsToldFromInsideOfABox) {
  WorkerResource worker{&hang, {.method = GetParam(), .sandbox = coproc::Sandbox::compute().strict()}};
  worker.start("receive");
  worker.messenger().receive_blocking<int>();
  stack_with(worker, "receive_on");
  EXPECT_TRUE(worker.stop().success());
}

TEST_P(Stack, OfAWorkerThatHasEndedIsAnError) {
  WorkerResource worker{&hang, {.method = GetParam()}};
  EXPECT_THROW(worker.stack(), coproc::NoLinkError);
  worker.start("returns");
  worker.join();
  EXPECT_THROW(worker.stack(), coproc::WorkerDiedError);
}

}  // namespace
