// Supervised workers of programs that wait elsewhere: a look alone finds that a worker hangs, and starts another one.
#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <chrono>
#include <string>
#include <thread>

#include "scenario/hanging_worker.hpp"
#include "support/process.hpp"

using namespace hangs;
using namespace std::chrono_literals;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::RestartOptions;
using coproc::Supervised;
using coproc::WorkerDiedError;
using testing::IsEmpty;

TEST(SupervisedLooks, AProgramThatWaitsElsewhereLooks) {
  Supervised worker{&hang, {}, with({.reply = 200ms})};
  EXPECT_EQ(worker.look(), std::chrono::nanoseconds::max());  // it was never started
  worker.start();
  const int pid = worker.pid();
  const RequestId id = worker.messenger().send_request("spin");
  try {
    for (;;) {
      const auto next = worker.look();
      EXPECT_LE(next, 50ms);
      std::this_thread::sleep_for(next);
    }
  } catch (const WorkerDiedError& died) {
    EXPECT_TRUE(died.exit_status().hung) << died.what();
  }
  EXPECT_NE(worker.pid(), pid);
  EXPECT_LE(worker.look(), 50ms);  // it is told once
  EXPECT_THROW((void)worker.messenger().receive_reply<std::string>(id), WorkerDiedError);
  expect_answer(worker);
  worker.stop();
}

TEST(SupervisedLooks, ALookStartsAnotherWorkerWhenThatIsDue_AndTellsWhen) {
  RestartOptions options{.backoff = {.first = 300ms, .spread = 0}};
  options.pending = Pending::resend;
  Supervised worker{&hang, {}, options};
  worker.start();
  EXPECT_EQ(worker.look(), std::chrono::nanoseconds::max());  // without limits there is nothing to look at
  const int pid = worker.pid();
  const RequestId id = worker.messenger().send_request("well");
  worker.kill();
  wait_for_end(worker);
  while (worker.pid() == pid) {
    const auto next = worker.look();
    EXPECT_TRUE(worker.pid() != pid || next <= 300ms) << next.count();
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(worker.messenger().receive_reply<std::string>(id), "well");
}

TEST(SupervisedLooks, ALookTellsOfAFinalEndOnce) {
  Supervised worker{&hang, {}, {.when = coproc::RestartWhen::never, .health = {.reply = 1s}}};
  worker.start();
  worker.kill();
  wait_for_end(worker);
  EXPECT_THROW((void)worker.look(), WorkerDiedError);
  EXPECT_EQ(worker.look(), std::chrono::nanoseconds::max());  // there is nothing to look at any more
}

TEST(SupervisedLooks, AtTheLimitOfRestartsAlsoCallsThatDoNotWaitThrow) {
  Supervised worker{&hang, {}, {.most = 0}};
  worker.start();
  worker.kill();
  EXPECT_THROW((void)worker.messenger().receive_blocking(), coproc::RestartLimitError);
  EXPECT_THROW((void)worker.messenger().available(), coproc::RestartLimitError);
  EXPECT_THROW((void)worker.look(), coproc::RestartLimitError);
}

TEST(SupervisedLooks, ALookEmptiesTheStderrThatAWorkerWaitsFor) {
  const support::Pipe told;
  Supervised worker{[&](PriorityMessenger&) {
                      const std::string text(1 << 16, 'x');
                      for (int i = 0; i != 100; ++i) (void)!::write(STDERR_FILENO, text.data(), text.size());
                      told.write('!');
                    },
                    {.method = coproc::StartMethod::fork, .capture_stderr = true},
                    {.when = coproc::RestartWhen::never, .health = {.reply = 60s}}};
  worker.start();
  pollfd end{told.read_fd(), POLLIN, 0};
  while (::poll(&end, 1, 1) == 0) {
    try {
      worker.look();
    } catch (const WorkerDiedError&) {
      // It was quick.
    }
  }
  EXPECT_EQ(told.read<char>(), '!');
}

TEST(SupervisedLooks, CallsThatOnlyLookFindIt) {
  Supervised worker{&hang, {}, with({.reply = 100ms})};
  worker.start();
  (void)worker.messenger().send_request(std::string("spin"));
  EXPECT_THROW(for (;; std::this_thread::sleep_for(1ms))(void) worker.messenger().available(), WorkerDiedError);
  (void)worker.messenger().send_request(std::string("spin"));
  for (; worker.is_alive(); std::this_thread::sleep_for(1ms)) {
    EXPECT_THAT(worker.messenger().receive_available(), IsEmpty());
  }
  EXPECT_THROW((void)worker.messenger().receive_for(0s), WorkerDiedError);
  EXPECT_EQ(worker.history().size(), 2U);
}
