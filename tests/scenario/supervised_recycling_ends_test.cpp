// How workers end that are to make place: in their grace or not, by themselves, or since the user has told them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "chaos/ledger.hpp"
#include "scenario/recycled_worker.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::RestartOptions;
using coproc::RestartReason;
using coproc::RestartWhen;
using coproc::Supervised;
using coproc::WorkerDiedError;

TEST(SupervisedRecyclingEnds, OneThatDoesNotFinishInItsGraceIsStopped) {
  const auto busy = [](PriorityMessenger& host) {
    host.receive_blocking<int>();
    support::sleep_for_ever();
  };
  RestartOptions options = recycled({.requests = 1, .grace = 20ms});
  Supervised worker{+busy, {.stop = {.close = 0s, .terminate = 0s}}, options};
  worker.start();
  const RequestId lost = worker.messenger().send_request(1);
  const int first = worker.pid();
  (void)worker.messenger().send_request(2);
  EXPECT_NE(worker.pid(), first);
  EXPECT_EQ(worker.history().at(0).reason, RestartReason::recycled);
  EXPECT_THROW((void)worker.messenger().receive_reply<int>(lost), WorkerDiedError);
}

TEST(SupervisedRecyclingEnds, ItsGraceAlsoEndsWhileAReceiveWaits) {
  const auto busy = [](PriorityMessenger& host) {
    host.receive_blocking<int>();
    support::sleep_for_ever();
  };
  Supervised worker{+busy, {.stop = {.close = 0s, .terminate = 0s}}, recycled({.requests = 1, .grace = 20ms})};
  worker.start();
  const RequestId lost = worker.messenger().send_request(1);
  EXPECT_THROW((void)worker.messenger().receive_reply<int>(lost), WorkerDiedError);
  EXPECT_EQ(worker.history().at(0).reason, RestartReason::recycled);
}

TEST(SupervisedRecyclingEnds, OneThatHangsMeanwhileIsEndedByASendThatWaitsForIt) {
  const auto busy = [](PriorityMessenger& host) {
    host.receive_blocking<int>();
    support::sleep_for_ever();
  };
  RestartOptions options = at_once();
  options.recycle = {.requests = 1, .spread = 0, .grace = 1h};
  options.health = {.reply = 100ms, .stack = false};
  Supervised worker{+busy, {}, options};
  worker.start();
  (void)worker.messenger().send_request(1);
  EXPECT_THROW((void)worker.messenger().send_request(2), WorkerDiedError);
  EXPECT_EQ(worker.history().at(0).reason, RestartReason::its_end);
  EXPECT_TRUE(worker.history().at(0).status.hung);
}

TEST(SupervisedRecyclingEnds, OneThatDiesBeforeItHasFinishedHasDied) {
  const auto dies = [](PriorityMessenger& host) {
    host.receive_blocking<int>();
    try {
      (void)host.receive_blocking();
    } catch (const coproc::ResourceRequestedClose&) {
      ::_exit(3);
    }
  };
  RestartOptions options = at_once();
  options.recycle = {.requests = 1, .spread = 0};
  Supervised worker{+dies, {}, options};
  worker.start();
  (void)worker.messenger().send_request(1);
  EXPECT_THROW((void)worker.messenger().send_request(2), WorkerDiedError);
  EXPECT_EQ(worker.history().at(0).reason, RestartReason::its_end);
  EXPECT_EQ(worker.history().at(0).status.code(), 3);
}

/// The next one was not told the end that this one was told to make place.
TEST(SupervisedRecyclingEnds, AfterOneThatDiesBeforeItHasFinishedTheNextOneIsSentTo) {
  RestartOptions options = at_once();
  options.pending = Pending::resend;
  options.attempts = 1;
  options.recycle = {.requests = 1, .spread = 0};
  Supervised worker{&tenfold, {}, options};
  worker.start();
  const RequestId deadly = worker.messenger().send_request(kExits);
  EXPECT_THROW((void)worker.messenger().receive_reply<int>(deadly), coproc::RequestAttemptsError);
  EXPECT_EQ(worker.history().at(0).reason, RestartReason::its_end);
  EXPECT_EQ(answer(worker, 4), 40);
}

TEST(SupervisedRecyclingEnds, AlsoOneThatIsNeverStartedAgainAfterItsEnd) {
  RestartOptions options = recycled({.requests = 2});
  options.when = RestartWhen::never;
  Supervised worker{&count, {}, options};
  worker.start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answer(worker, 0), i % 2 + 1);
  worker.kill();
  EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_FALSE(worker.is_alive());
}

TEST(SupervisedRecyclingEnds, TheEndThatTheUserTellsIsTheUsers) {
  Supervised worker{&count, {}, recycled({.requests = 1})};
  worker.start();
  worker.messenger().send_end();
  EXPECT_THROW((void)worker.messenger().send_request(1), coproc::LinkClosedError);
  EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_FALSE(worker.is_alive());
}

TEST(SupervisedRecyclingEnds, WhatTheUserTellsOneThatMakesPlaceHolds) {
  chaos::Shared<std::atomic<bool>> may_go_on;
  const auto slow = echo_once_allowed(may_go_on);
  for (const Pending pending : {Pending::fail, Pending::resend}) {
    for (const bool is_end : {true, false}) {
      *may_go_on = false;
      RestartOptions options = recycled({.requests = 1, .grace = 1h});
      options.pending = pending;
      Supervised worker{std::function<void(PriorityMessenger&)>(slow), {.method = coproc::StartMethod::fork}, options};
      worker.start();
      PriorityMessenger& messenger = worker.messenger();
      const RequestId request = messenger.send_request(1);
      EXPECT_EQ(messenger.receive_for(0s), std::nullopt);  // from now on it is to make place
      is_end ? messenger.send_end() : messenger.send_close_request();
      *may_go_on = true;
      if (is_end) {
        EXPECT_EQ(messenger.receive_reply<int>(request), 1);
      }
      EXPECT_THROW((void)messenger.receive_blocking<int>("nothing comes here"), WorkerDiedError);
      EXPECT_THROW((void)messenger.send_request(1), WorkerDiedError);
      EXPECT_TRUE(worker.history().empty());
    }
  }
}

TEST(SupervisedRecyclingEnds, OneThatTheUserHasAskedToCloseIsNotReplaced) {
  Supervised worker{&count, {}, recycled({.requests = 1})};
  worker.start();
  (void)worker.messenger().send_request(0);
  worker.messenger().send_close_request();
  EXPECT_THROW((void)worker.messenger().receive_blocking<std::string>("nothing comes here"), WorkerDiedError);
  EXPECT_TRUE(worker.history().empty());
}
