// Streams of a worker, by each start method: the order of their parts, ends, errors and deaths.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include "scenario/stream_parts.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

struct Count {
  using Part = int;
  int parts;
};
struct Lines {
  using Part = std::string;
  std::uint64_t bytes;
};
struct FailAfter {
  using Part = int;
  int parts;
};
struct DieAfter {
  using Part = int;
  int parts;
};
struct Endless {
  using Part = int;
};
struct Cancelled {
  using Reply = int;
};

struct NoMoreRows : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void serve_streams(PriorityMessenger& host) {
  coproc::accept_errors<NoMoreRows>();
  int cancelled = 0;
  coproc::serve(
      host,
      [](const Count& count, coproc::ReplyStream<int>& parts) {
        for (int i = 0; i < count.parts; ++i) parts.send(i);
      },
      [](const Lines& lines, coproc::ReplyStream<std::string>& parts) {
        for (char c = 'a'; c <= 'e'; ++c) parts.send(std::string(lines.bytes, c));
      },
      [](const FailAfter& fail, coproc::ReplyStream<int>& parts) {
        for (int i = 0; i < fail.parts; ++i) parts.send(i);
        throw NoMoreRows("the table ends");
      },
      [](const DieAfter& die, coproc::ReplyStream<int>& parts) {
        for (int i = 0; i < die.parts; ++i) parts.send(i);
        std::_Exit(9);
      },
      [&](const Endless&, coproc::ReplyStream<int>& parts) {
        try {
          for (int i = 0;; ++i) parts.send(i);
        } catch (const coproc::StreamCancelledError&) {
          ++cancelled;
          throw;
        }
      },
      [&](const Cancelled&) { return cancelled; });
}

struct Streams : testing::TestWithParam<coproc::StartMethod> {
  WorkerResource<void (*)(PriorityMessenger&)> worker{&serve_streams, {.method = GetParam()}};
  Streams() { worker.start(); }
  PriorityMessenger& m() { return worker.messenger(); }
};
INSTANTIATE_TEST_SUITE_P(By, Streams,
                         testing::Values(coproc::StartMethod::fork_server, coproc::StartMethod::fork,
                                         coproc::StartMethod::spawn));

}  // namespace

TEST_P(Streams, PartsComeInOrderThenTheEnd) {
  auto stream = m().stream(Count{10000});
  EXPECT_EQ(all_of(stream), numbers_below(10000));
  EXPECT_TRUE(stream.is_over());
  EXPECT_EQ(stream.next(), std::nullopt);
  auto none = m().stream(Count{0});
  EXPECT_EQ(none.next(), std::nullopt);
  EXPECT_EQ(m().remaining(), 0u);
}

TEST_P(Streams, LargePartsTravelInPiecesAndAsLoans) {
  for (const std::uint64_t bytes : {std::uint64_t{10}, std::uint64_t{50'000}, std::uint64_t{1} << 20}) {
    auto stream = m().stream(Lines{bytes});
    for (char c = 'a'; c <= 'e'; ++c) EXPECT_EQ(stream.next(), std::string(bytes, c));
    EXPECT_EQ(stream.next(), std::nullopt);
  }
}

TEST_P(Streams, AnErrorIsThrownBehindThePartsWithItsType) {
  auto stream = m().stream(FailAfter{3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(stream.next(), i);
  EXPECT_THROW((void)stream.next(), NoMoreRows);
  EXPECT_TRUE(stream.is_over());
  EXPECT_EQ(stream.next(), std::nullopt);
  auto next = m().stream(Count{2});
  EXPECT_EQ(all_of(next), numbers_below(2));
}

TEST_P(Streams, PartsOfADeadWorkerAreDeliveredBeforeItsDeath) {
  auto stream = m().stream(DieAfter{50});
  worker.join();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(stream.next(), i);
  EXPECT_THROW((void)stream.next(), coproc::WorkerDiedError);
  ASSERT_TRUE(worker.exit_status());
  EXPECT_EQ(worker.exit_status()->unanswered.size(), 1u);
}

TEST_P(Streams, CancellingEndsTheFunctionAndLeavesNothing) {
  {
    auto stream = m().stream(Endless{});
    EXPECT_EQ(stream.next(), 0);
  }
  EXPECT_EQ(m().call(Cancelled{}), 1);
  auto stream = m().stream(Endless{});
  stream.cancel();
  EXPECT_EQ(stream.next(), std::nullopt);
  EXPECT_EQ(m().call(Cancelled{}), 2);
}

TEST_P(Streams, AWorkerThatWaitsForItsReaderHeedsACloseRequest) {
  auto stream = m().stream(Endless{}, {.window_bytes = 1});
  EXPECT_EQ(stream.next(), 0);
  worker.stop();
  ASSERT_TRUE(worker.exit_status());
  EXPECT_EQ(worker.exit_status()->code(), 0) << worker.exit_status()->report();
}

TEST_P(Streams, AnUnreadStreamBlocksNothing) {
  auto unread = m().stream(Count{150});
  auto other = m().stream(Count{5});
  EXPECT_EQ(all_of(other), numbers_below(5));
  EXPECT_EQ(m().call(Cancelled{}), 0);
  EXPECT_EQ(all_of(unread), numbers_below(150));
}

TEST(SupervisedStreams, WhatADeadWorkerHadSentComesBehindItsRestartThenItsDeath) {
  coproc::Supervised worker{&serve_streams, {}, {.most = 1000, .backoff = {.then = 0s}}};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  auto stream = messenger.stream(DieAfter{50});
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW((void)messenger.receive_blocking<int>("nothing comes here"), coproc::WorkerDiedError);
  EXPECT_TRUE(worker.is_alive());  // another one
  for (int i = 1; i < 50; ++i) EXPECT_EQ(stream.next(), i);
  EXPECT_THROW((void)stream.next(), coproc::WorkerDiedError);
  EXPECT_TRUE(stream.is_over());
  auto next = messenger.stream(Count{3});
  EXPECT_EQ(all_of(next), numbers_below(3));
  auto unread = messenger.stream(DieAfter{0});
  EXPECT_THROW((void)unread.next(), coproc::WorkerDiedError);
  EXPECT_EQ(messenger.call(Cancelled{}), 0);
}
