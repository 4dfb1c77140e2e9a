// Workers that work and make place for new ones: when, and what becomes of what is under way.
#include <gmock/gmock.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "chaos/ledger.hpp"
#include "scenario/recycled_worker.hpp"

using namespace std::chrono_literals;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::RestartReason;
using coproc::Supervised;
using coproc::WorkerDiedError;
using testing::HasSubstr;

TEST(SupervisedRecycling, EachWorkerGetsSoManyRequestsAndNothingFails) {
  Supervised worker{&count, {.name = "counter"}, recycled({.requests = 10})};
  worker.start();
  for (int i = 0; i < 95; ++i) EXPECT_EQ(answer(worker, 0), i % 10 + 1);
  const std::vector<Restart> history = worker.history();
  ASSERT_EQ(history.size(), 9U);
  for (const Restart& restart : history) {
    EXPECT_EQ(restart.reason, RestartReason::recycled);
    EXPECT_TRUE(restart.status.success());
    EXPECT_EQ(restart.unanswered, 0U);
  }
  EXPECT_THAT(history[0].describe(), HasSubstr("has made place, and exited with code 0"));
}

TEST(SupervisedRecycling, WhatIsUnderWayIsAnsweredByTheOneThatGotIt) {
  for (const Pending pending : {Pending::fail, Pending::resend}) {
    RestartOptions options = recycled({.requests = 10});
    options.pending = pending;
    Supervised worker{&count, {}, options};
    worker.start();
    std::vector<RequestId> requests;
    for (int i = 0; i < 95; ++i) requests.push_back(worker.messenger().send_request(i));
    for (int i = 0; i < 95; ++i) {
      EXPECT_EQ(worker.messenger().receive_reply<int>(requests[static_cast<std::size_t>(i)]), i % 10 + 1);
    }
    EXPECT_EQ(worker.history().size(), 9U);
  }
}

TEST(SupervisedRecycling, MessagesWithoutARequestAreReceivedFirst) {
  chaos::Shared<std::atomic<int>> received;
  const auto target = [&received](PriorityMessenger& host) {
    for (;;) {
      const std::string text = host.receive_blocking<std::string>();
      ++*received;
      if (text == "?") host.send_reply(text);
    }
  };
  Supervised worker{std::function<void(PriorityMessenger&)>(target),
                    {.method = coproc::StartMethod::fork},
                    recycled({.requests = 1})};
  worker.start();
  for (int i = 0; i < 20; ++i) {
    worker.messenger().send_norequest("!");
    (void)worker.messenger().send_request("?");
    worker.messenger().send_norequest("to the next one");
  }
  worker.finish();
  EXPECT_EQ(*received, 60);
}

TEST(SupervisedRecycling, AnOldOneMakesPlace) {
  Supervised worker{&count, {}, recycled({.age = 1ms})};
  worker.start();
  const int first = worker.pid();
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(answer(worker, 0), 1);
  EXPECT_NE(worker.pid(), first);
}

/// Each worker has reached it at once, and no call is kept by that.
TEST(SupervisedRecycling, ALimitThatAllWorkersExceedHoldsUpNoCall) {
  Supervised worker{&count, {}, recycled({.age = 1ns})};
  worker.start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answer(worker, 0), 1);
}

TEST(SupervisedRecycling, OneThatHasGrownMakesPlace) {
  const auto grow = [](PriorityMessenger& host) {
    std::vector<std::string> kept;
    for (;;) {
      const int mib = host.receive_blocking<int>();
      kept.emplace_back(static_cast<std::size_t>(mib) << 20, 'x');
      host.send_reply(static_cast<int>(::getpid()));
    }
  };
  Supervised worker{+grow, {}, recycled({.memory = std::size_t{400} << 20})};
  worker.start();
  const int first = answer(worker, 1);
  EXPECT_EQ(answer(worker, 500), first);
  std::this_thread::sleep_for(150ms);  // its memory is not looked at more often
  EXPECT_NE(answer(worker, 1), first);
}

TEST(SupervisedRecycling, AReceiveGoesOnWithTheNextOne) {
  RestartOptions options = recycled({.requests = 1});
  std::optional<Supervised<void (*)(PriorityMessenger&)>> worker;
  options.on_restart = [&](const Restart&) { worker->messenger().send_norequest(5); };
  const auto echo = [](PriorityMessenger& host) {
    const int value = host.receive_blocking<int>();
    host.send_norequest(value);
    (void)host.receive_blocking();
  };
  worker.emplace(+echo, coproc::WorkerOptions(), options);
  worker->start();
  (void)worker->messenger().discard_reply(worker->messenger().send_request(4));
  EXPECT_EQ(worker->messenger().receive_blocking<int>(), 4);
  EXPECT_EQ(worker->messenger().receive_blocking<int>(), 5);
}

TEST(SupervisedRecycling, SendsWithATimeDoNotWaitLonger) {
  chaos::Shared<std::atomic<bool>> may_go_on;
  const auto slow = echo_once_allowed(may_go_on);
  Supervised worker{
      std::function<void(PriorityMessenger&)>(slow), {.method = coproc::StartMethod::fork}, recycled({.requests = 1})};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  const RequestId first = messenger.send_request(1);
  EXPECT_EQ(messenger.try_send_request(2), std::nullopt);
  EXPECT_THROW((void)messenger.send_request(2, {}, {.timeout = 1ms}), coproc::TimeoutError);
  EXPECT_EQ(messenger.receive_for(1ms), std::nullopt);
  std::atomic<bool> is_over = false;
  std::thread interrupter([&] {
    while (!is_over) {
      messenger.interrupt();
      std::this_thread::sleep_for(1ms);
    }
  });
  EXPECT_THROW((void)messenger.send_request(2), coproc::InterruptedError);
  is_over = true;
  interrupter.join();
  EXPECT_TRUE(worker.is_alive());
  EXPECT_TRUE(worker.history().empty());
  *may_go_on = true;
  for (bool is_sent = false; !is_sent;) {
    try {
      EXPECT_EQ(messenger.receive_reply<int>(messenger.send_request(2)), 2);
      is_sent = true;
    } catch (const coproc::InterruptedError&) {
      // An interrupt of before.
    }
  }
  EXPECT_EQ(messenger.receive_reply<int>(first), 1);
}

/// The next worker must not get the answer to what another one has asked.
TEST(SupervisedRecycling, ARequestOfOneThatHasMadePlaceCannotBeAnswered) {
  const auto asks = [](PriorityMessenger& host) {
    (void)host.send_request(7);
    for (;;) (void)host.receive_blocking();
  };
  Supervised worker{+asks, {}, recycled({.requests = 1})};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  EXPECT_EQ(messenger.receive_blocking<int>(), 7);
  (void)messenger.send_request(0);
  EXPECT_THROW(messenger.send_reply(8), coproc::NoRequestError);
  EXPECT_EQ(worker.history().size(), 1U);
}

TEST(SupervisedRecycling, IsNotLimitedAsRestartsAre) {
  RestartOptions options = recycled({.requests = 2});
  options.most = 1;
  Supervised worker{&count, {}, options};
  worker.start();
  for (int i = 0; i < 9; ++i) EXPECT_EQ(answer(worker, 0), i % 2 + 1);
  worker.kill();
  EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_EQ(answer(worker, 0), 1);
}

TEST(SupervisedRecycling, ABatchIsSentWhole) {
  Supervised worker{&count, {}, recycled({.requests = 3, .grace = 1h})};
  worker.start();
  const std::list<int> values(10, 0);  // which are sent one by one
  const std::vector<RequestId> requests = worker.messenger().send_request_multiple(values);
  for (int number = 1; const RequestId request : requests) {
    EXPECT_EQ(worker.messenger().receive_reply<int>(request), number++);
  }
  for (const RequestId request : worker.messenger().send_request_multiple(values)) {
    EXPECT_GT(worker.messenger().receive_reply<int>(request), 0);
  }
}

TEST(SupervisedRecycling, AStreamIsReadToItsEndFirst) {
  const auto stream = [](PriorityMessenger& host) {
    for (;;) {
      const coproc::Message request = host.receive_blocking();
      for (int i = 0; i < 1000; ++i) host.reply_part_to(request, i);
      host.reply_to(request, static_cast<int>(::getpid()));
    }
  };
  Supervised worker{+stream, {}, recycled({.requests = 1})};
  worker.start();
  int before = 0;
  for (int i = 0; i < 3; ++i) {
    std::vector<int> parts;
    for (const int part : worker.messenger().stream<int>(0)) parts.push_back(part);
    ASSERT_EQ(parts.size(), 1001U);
    EXPECT_NE(parts.back(), before);
    before = parts.back();
  }
}

/// A stream that nobody reads could keep its worker from ending, and a send would wait for that.
TEST(SupervisedRecycling, ASendBesideAStreamGoesToTheSameWorker) {
  const auto stream = [](PriorityMessenger& host) {
    for (;;) {
      const coproc::Message request = host.receive_blocking();
      for (int i = 0; i < 1000; ++i) host.reply_part_to(request, static_cast<int>(::getpid()));
      host.reply_to(request, 0);
    }
  };
  Supervised worker{+stream, {}, recycled({.requests = 1, .grace = 1h})};
  worker.start();
  auto parts = worker.messenger().stream<int>(0);
  auto part = parts.begin();
  const int first = *part;
  auto others = worker.messenger().stream<int>(0);
  for (; part != parts.end(); ++part) {}
  EXPECT_EQ(*others.begin(), first);
}

TEST(SupervisedRecycling, RefusesWhatMakesNoSense) {
  EXPECT_THROW((Supervised{&count, {}, {.recycle = {.spread = 2}}}), coproc::InvalidArgumentError);
}
