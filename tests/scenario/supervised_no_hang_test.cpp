// Supervised workers that only seem to hang are not ended, and limits disturb no other call.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <chrono>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "scenario/hanging_worker.hpp"
#include "support/process.hpp"

using namespace hangs;
using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::Supervised;
using coproc::WorkerDiedError;
using testing::IsEmpty;

namespace {

/// What the host does while it waits for nothing that comes.
template <class S>
void expect_no_end(S& worker, std::chrono::nanoseconds time) {
  const int pid = worker.pid();
  EXPECT_EQ(worker.messenger().template receive_for<std::string>("nothing comes here", time), std::nullopt);
  EXPECT_EQ(worker.pid(), pid);
  EXPECT_TRUE(worker.is_alive());
  EXPECT_THAT(worker.history(), IsEmpty());
}

}  // namespace

// Ten limits long. One that is woken for nothing works for a moment, so that no limit may be shorter than that.
TEST(SupervisedNoHang, AnIdleWorkerIsNotEnded) {
  Supervised worker{+[](PriorityMessenger& host) {
                      coproc::this_worker::beat("ready");
                      host.send_norequest("ready");
                      hang(host);
                    },
                    {},
                    with(all(100ms))};
  worker.start();
  // The first look comes when it waits for messages, since until then it may well hang.
  coproc::Messenger* const messenger = &worker.messenger();
  EXPECT_EQ(coproc::wait_any({&messenger, 1}), 0U);
  while (support::state_of(worker.pid()) != 'S') std::this_thread::yield();
  expect_no_end(worker, 1s);
}

TEST(SupervisedNoHang, AWorkerThatIsStoppedIsNotEnded) {
  Supervised worker{&hang, {}, with(all(500ms))};
  worker.start();
  const RequestId id = worker.messenger().send_request("stop");
  worker.messenger().send_norequest("never mind");
  while (support::state_of(worker.pid()) != 'T') std::this_thread::yield();
  expect_no_end(worker, 2s);
  ::kill(worker.pid(), SIGCONT);
  EXPECT_EQ(worker.messenger().receive_reply<std::string>(id), "stop");
}

TEST(SupervisedNoHang, AWorkerThatIsTracedIsNotEnded_ButWhenItIsNotAnyMore) {
  Supervised worker{&hang, {}, with({.reply = 500ms})};
  worker.start();
  const int pid = worker.pid();
  const support::Pipe told;
  struct Debugger {
    const pid_t pid = ::fork();
    void end() {
      ::kill(pid, SIGKILL);
      is_there = ::waitpid(pid, nullptr, 0) < 0;
    }
    bool is_there = true;
    ~Debugger() {
      if (is_there) end();
    }
  } debugger;
  if (debugger.pid == 0) {
    told.write(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0);
    for (;;) ::pause();
  }
  const bool is_traced = told.read<bool>();
  const RequestId id = worker.messenger().send_request("spin");
  if (is_traced) expect_no_end(worker, 2s);
  debugger.end();
  try {
    (void)worker.messenger().receive_reply<std::string>(id);
    ADD_FAILURE() << "a reply";
  } catch (const WorkerDiedError& died) {
    EXPECT_TRUE(died.exit_status().hung) << died.what();
  }
  if (!is_traced) GTEST_SKIP() << "this system lets no process trace another";
}

TEST(SupervisedNoHang, AWorkerThatAnswersSlowlyIsNotEnded) {
  Supervised worker{&hang, {}, with({.reply = 60s, .beat = 40ms})};  // it never beats, and is looked at every 10 ms
  worker.start();
  expect_answer(worker, "a while");
  EXPECT_THAT(worker.history(), IsEmpty());
}

TEST(SupervisedNoHang, AWorkerThatHasReadEverythingHasNothingUnread) {
  for (const std::size_t ring : {std::size_t{4096}, std::size_t{1} << 20}) {
    Supervised worker{&hang, {.link = {.ring_bytes = ring}}, with({.unread = 200ms})};
    worker.start();
    worker.messenger().send_norequest("a while");  // much longer than the limit
    while (worker.messenger().receive_blocking<std::string>() != "a while") {}
    EXPECT_THAT(worker.history(), IsEmpty());
  }
}

TEST(SupervisedNoHang, AWorkerWhoseHostDoesNotReadIsNotEnded) {
  Supervised worker{&hang, {.link = {.ring_bytes = 4096}}, with(all(500ms))};
  worker.start();
  const RequestId id = worker.messenger().send_request("much");
  worker.messenger().send_norequest("never mind");
  const auto end = std::chrono::steady_clock::now() + 2s;
  while (std::chrono::steady_clock::now() < end) {
    worker.look();
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_TRUE(worker.is_alive());
  EXPECT_THAT(worker.history(), IsEmpty());
  for (int i = 0; i != 1000; ++i) {
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>("much"), std::string(100, 'x'));
  }
  EXPECT_EQ(worker.messenger().receive_reply<std::string>(id), "much");
}

TEST(SupervisedNoHang, LargeMessagesTravelWholeWhileItIsLookedAt) {
  Supervised worker{+[](PriorityMessenger& host) {
                      for (;;) host.send_reply(host.receive_blocking<std::vector<int>>());
                    },
                    {.link = {.ring_bytes = 4096, .automatic_loans = false}},
                    with(all(60s))};
  worker.start();
  std::vector<int> values(1'000'000);
  std::iota(values.begin(), values.end(), 7);
  for (int i = 0; i != 3; ++i) {
    const RequestId id = worker.messenger().send_request(values);
    EXPECT_EQ(worker.messenger().receive_reply<std::vector<int>>(id), values);
  }
}

TEST(SupervisedNoHang, StopsAndTimesGoOnWhileItIsLookedAt) {
  Supervised worker{&hang, {}, with(all(60s))};
  worker.start();
  EXPECT_THROW((void)worker.messenger().receive_reply<std::string>(worker.messenger().send_request("sleep"), 50ms),
               coproc::TimeoutError);
  worker.messenger().interrupt();
  EXPECT_THROW((void)worker.messenger().receive_blocking<std::string>(), coproc::InterruptedError);
  std::thread other([&] { worker.stop({.close = 0s}); });
  EXPECT_THROW((void)worker.messenger().receive_blocking<std::string>(), WorkerDiedError);
  other.join();
  EXPECT_FALSE(worker.exit_status()->hung);
}
