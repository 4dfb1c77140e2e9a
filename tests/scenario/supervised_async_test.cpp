// Supervised workers behind coroutines: whoever drives these looks after the worker, as a call that waits does.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <coproc/async.hpp>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "scenario/supervised_worker.hpp"
#include "support/coroutine.hpp"

using namespace std::chrono_literals;
using coproc::AsyncMessenger;
using coproc::AsyncOptions;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RestartOptions;
using coproc::RestartReason;
using coproc::Supervised;
using support::Coroutine;

namespace {

struct Tenfold {
  using Reply = int;
  int value;
};
struct Die {
  using Reply = int;
};
struct DieOnce {  // of the first worker; the next one answers
  using Reply = int;
  int first_pid;
};
struct Hang {
  using Reply = int;
};

void serve(PriorityMessenger& host) {
  for (;;) {
    const coproc::Message message = host.receive_blocking();
    if (message.holds<Die>()) ::_exit(3);
    if (message.holds<DieOnce>()) {
      if (message.get<DieOnce>().first_pid == ::getpid()) ::_exit(3);
      host.reply_to(message, 1);
    } else if (message.holds<Hang>()) {
      for (;;) ::pause();
    } else if (message.holds<Tenfold>()) {
      host.reply_to(message, 10 * message.get<Tenfold>().value);
    }
  }
}

template <class C>
Coroutine answer_of(AsyncMessenger& messages, C call, std::vector<std::string>& results, AsyncOptions options) {
  try {
    results.push_back(std::to_string(co_await messages.call(call, options)));
  } catch (const coproc::RestartLimitError&) {
    results.push_back("limit");
  } catch (const coproc::WorkerDiedError& error) {
    results.push_back(error.exit_status().hung ? "hung" : "died");
  } catch (const coproc::TimeoutError&) {
    results.push_back("timeout");
  } catch (const coproc::CancelledError&) {
    results.push_back("cancelled");
  }
}

RestartOptions resend_at_once() {
  RestartOptions options = at_once();
  options.pending = Pending::resend;
  return options;
}

RestartOptions after(std::chrono::nanoseconds delay, Pending pending = Pending::fail) {
  return {.within = 100h, .backoff = {.first = delay, .then = delay, .most = delay, .spread = 0}, .pending = pending};
}

using Results = std::vector<std::string>;

/// Driven by wait(), or as an event loop drives.
class SupervisedAsync : public testing::TestWithParam<bool> {
 protected:
  std::size_t drive(AsyncMessenger& messages) const {
    std::size_t looks = 0;
    for (; messages.waiting() != 0; ++looks) {
      if (GetParam()) {
        EXPECT_TRUE(support::is_readable(messages.native_handle(), -1));
        messages.poll();
      } else {
        (void)messages.wait();
      }
    }
    return looks;
  }

  template <class C>
  void ask(AsyncMessenger& messages, C call, const AsyncOptions& options = {}) {
    coroutines_.push_back(answer_of(messages, call, results, options));
  }

  Results results;

 private:
  std::vector<Coroutine> coroutines_;
};
INSTANTIATE_TEST_SUITE_P(, SupervisedAsync, testing::Bool());

}  // namespace

TEST_P(SupervisedAsync, WhatWaitsFailsOnceAndTheNextWorkerAnswers) {
  Supervised worker{&serve, {}, at_once()};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  for (int i = 1; i != 4; ++i) {
    const int pid = worker.pid();
    ask(messages, Die());
    ask(messages, Tenfold{i});
    drive(messages);
    EXPECT_NE(worker.pid(), pid);
    ask(messages, Tenfold{i});
    drive(messages);
    EXPECT_EQ(results, (Results{"died", "died", std::to_string(10 * i)}));
    results.clear();
  }
  EXPECT_EQ(worker.history().size(), 3U);
}

TEST_P(SupervisedAsync, WhatIsSentAgainIsAnsweredByTheNextWorker) {
  Supervised worker{&serve, {}, resend_at_once()};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  for (int i = 0; i != 3; ++i) {
    ask(messages, DieOnce{worker.pid()});
    for (int value = 1; value != 4; ++value) ask(messages, Tenfold{value});
    drive(messages);
    EXPECT_EQ(results, (Results{"1", "10", "20", "30"}));
    results.clear();
  }
  EXPECT_EQ(worker.history().size(), 3U);
}

TEST_P(SupervisedAsync, WhatBeginsWhileItIsDeadGoesToTheNextWorker) {
  Supervised worker{&serve, {}, resend_at_once()};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  for (int i = 0; i != 3; ++i) {
    ask(messages, Tenfold{1});
    drive(messages);
    ::kill(worker.pid(), SIGKILL);
    wait_for_end(worker);
    for (int value = 1; value != 4; ++value) ask(messages, Tenfold{value});
    drive(messages);
    EXPECT_EQ(results, (Results{"10", "10", "20", "30"}));
    results.clear();
  }
}

/// The descriptor of a worker that has ended would stay readable.
TEST_P(SupervisedAsync, ABackoffKeepsNobodyBusy) {
  Supervised worker{&serve, {}, after(300ms, Pending::resend)};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  for (int i = 0; i != 2; ++i) {
    ask(messages, DieOnce{worker.pid()});
    EXPECT_LT(drive(messages), 50U);
  }
  EXPECT_EQ(results, (Results{"1", "1"}));
  EXPECT_GE(worker.history().back().delay, 200ms);  // it has waited
}

TEST_P(SupervisedAsync, ABackoffCanOutlastAnOperation) {
  Supervised worker{&serve, {}, after(1h)};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  ask(messages, Die());
  ask(messages, Tenfold{1}, {.timeout = 50ms});
  while (results.empty() && GetParam()) {
    EXPECT_TRUE(support::is_readable(messages.native_handle(), -1));
    messages.poll();
  }
  while (results.empty()) (void)messages.wait();
  EXPECT_EQ(results, (Results{"timeout"}));
  EXPECT_EQ(messages.waiting(), 1U);
  EXPECT_EQ(messages.cancel(), 1U);
  EXPECT_EQ(results, (Results{"timeout", "cancelled"}));
}

TEST_P(SupervisedAsync, AnOperationIsCancelledDuringABackoff) {
  Supervised worker{&serve, {}, after(1h, Pending::resend)};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  std::stop_source stop;
  ask(messages, DieOnce{worker.pid()}, {.timeout = coproc::kForever, .stop = stop.get_token()});
  if (GetParam()) {
    do {
      EXPECT_TRUE(support::is_readable(messages.native_handle(), -1));
      messages.poll();
    } while (worker.is_alive());
    while (support::is_readable(messages.native_handle(), 50)) messages.poll();  // until the backoff has begun
    stop.request_stop();
  } else {
    EXPECT_FALSE(messages.wait(100ms));
    stop.request_stop();
  }
  drive(messages);
  EXPECT_EQ(results, (Results{"cancelled"}));
}

TEST_P(SupervisedAsync, TheLimitIsToldToAllThatWait) {
  RestartOptions options = at_once();
  options.most = 2;
  Supervised worker{&serve, {}, options};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  for (int i = 0; i != 3; ++i) {
    ask(messages, Die());
    ask(messages, Tenfold{1});
    drive(messages);
  }
  EXPECT_EQ(results, (Results{"died", "died", "died", "died", "limit", "limit"}));
}

TEST_P(SupervisedAsync, OneThatHangsIsEnded) {
  RestartOptions options = at_once();
  options.health.reply = 100ms;
  Supervised worker{&serve, {}, options};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  ask(messages, Hang());
  drive(messages);
  ask(messages, Tenfold{1});
  drive(messages);
  EXPECT_EQ(results, (Results{"hung", "10"}));
}

TEST_P(SupervisedAsync, OneThatMakesPlaceLosesNothing) {
  for (const bool overlap : {false, true}) {
    RestartOptions options = at_once();
    options.recycle = {.requests = 5, .spread = 0, .overlap = overlap};
    Supervised worker{&serve, {}, options};
    worker.start();
    AsyncMessenger messages(worker.messenger());
    Results expected;
    for (int i = 0; i < 30 || worker.history().empty(); ++i) {  // the start of the next one takes its time
      ask(messages, Tenfold{i});
      expected.push_back(std::to_string(10 * i));
      if (i % 3 == 0) drive(messages);
    }
    drive(messages);
    EXPECT_EQ(results, expected);
    EXPECT_EQ(worker.history().back().reason, RestartReason::recycled);
    results.clear();
  }
}

TEST_P(SupervisedAsync, OneThatWasStoppedIsNotStartedAgain) {
  Supervised worker{&serve, {}, at_once()};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  ask(messages, Hang());
  worker.stop({.close = 0s});
  drive(messages);
  ask(messages, Tenfold{1});
  drive(messages);
  EXPECT_EQ(results, (Results{"died", "died"}));
  EXPECT_FALSE(worker.is_alive());
  worker.start();
  ask(messages, Tenfold{2});
  drive(messages);
  EXPECT_EQ(results.back(), "20");
}
