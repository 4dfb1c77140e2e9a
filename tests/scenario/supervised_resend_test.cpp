// Pending::resend: which of the requests that a dead worker has left are sent again to the next one, in their order and
// before anything new.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "link/frame.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "scenario/lives.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::RequestAttemptsError;
using coproc::RequestId;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::WorkerDiedError;
using testing::ElementsAre;

TEST(SupervisedResend, WhatIsAnsweredOrGivenUpIsNotAskedAgain) {
  const auto answer_three = [](PriorityMessenger& host, Shared& shared) {
    for (int i = 0; i < 3; ++i) {
      const int value = host.receive_blocking<int>();
      ++shared.runs[static_cast<std::size_t>(value)];
      host.send_reply(value * 10);
    }
    hoard(host, shared);
  };
  Lives cat({answer_three, tenfold_counted});
  PriorityMessenger& messenger = cat.messenger();
  const auto ids = messenger.send_request_multiple(numbers(6));
  EXPECT_EQ(messenger.receive_reply<int>(ids[1]), 10);  // 0 then waits in the inbox, and 2 in the link
  cat.wait_until_returned(3);
  messenger.discard_reply(ids[4]);
  cat.kill_now();
  for (const int i : {5, 3, 2, 0}) EXPECT_EQ(messenger.receive_reply<int>(ids[static_cast<std::size_t>(i)]), i * 10);
  EXPECT_THROW((void)messenger.receive_reply<int>(ids[4]), coproc::NoRequestError);
  std::vector<int> runs;
  for (int i = 0; i < 6; ++i) runs.push_back(cat.shared().runs[static_cast<std::size_t>(i)]);
  EXPECT_THAT(runs, ElementsAre(1, 1, 1, 1, 0, 1));
  EXPECT_EQ(cat->history().at(0).unanswered, 2U);
  EXPECT_EQ(cat->history().at(0).resent, 2U);
  EXPECT_EQ(messenger.remaining(), 0U);
}

TEST(SupervisedResend, TheyComeInTheirOrderWithTheirChannelsAndPrioritiesBehindOnRestartAndBeforeAnythingNew) {
  const auto tell = [](PriorityMessenger& host, Shared& shared) {
    while (!shared.may_go_on) std::this_thread::yield();
    for (;;) {
      const std::optional<Message> message = host.receive_any({"one", "two"});
      host.send_norequest(message->get<std::string>() + " on " + message->channel().describe(), "log");
      if (message->request_id()) host.reply_to(*message, 1);
    }
  };
  RestartOptions options = resending();
  PriorityMessenger* messenger = nullptr;
  options.on_restart = [&](const Restart&) { messenger->send_norequest(std::string("hello"), "one"); };
  Lives cat({hoard, tell}, options);
  messenger = &cat.messenger();
  messenger->send_request(std::string("a"), "one");
  messenger->send_request(std::string("b"), "two");
  messenger->send_request(std::string("last"), "one", {.priority = 2});
  messenger->send_request(std::string("c"), "one");
  messenger->send_request(std::string("late"), "two", {.priority = -1});
  cat.kill_now();
  while (cat->history().empty()) (void)messenger->available("log");
  messenger->send_request(std::string("new"), "two");
  cat.shared().may_go_on = true;
  std::vector<std::string> log;
  while (log.size() < 7) log.push_back(messenger->receive_blocking<std::string>("log"));
  EXPECT_THAT(log, ElementsAre("hello on \"one\"", "a on \"one\"", "b on \"two\"", "c on \"one\"", "new on \"two\"",
                               "late on \"two\"", "last on \"one\""));
}

TEST(SupervisedResend, AFullRingHoldsUpWhatIsNewAndThenTakesAllInTheirOrder) {
  const auto wait_and_echo = [](PriorityMessenger& host, Shared& shared) {
    while (!shared.may_go_on) std::this_thread::yield();
    for (;;) host.send_reply(host.receive_blocking<std::string>());
  };
  Lives cat({hoard, wait_and_echo}, resending(), 4096);
  PriorityMessenger& messenger = cat.messenger();
  std::vector<std::string> sent;
  std::vector<RequestId> ids;
  for (int i = 0; i < 300; ++i) {
    sent.push_back(std::string(i % 5 == 0 ? 6000 : 20, static_cast<char>('a' + i % 26)));  // 6000: in several pieces
    ids.push_back(messenger.send_request(sent.back()));
  }
  cat.wait_until_returned(300);
  cat.kill_now();
  EXPECT_EQ(messenger.receive_for<std::string>(0s), std::nullopt);  // starts the next one
  ASSERT_EQ(cat->history().size(), 1U);
  EXPECT_EQ(cat->history()[0].resent, 300U);
  EXPECT_EQ(messenger.try_send_request(std::string("new")), std::nullopt);
  EXPECT_THROW(messenger.send_norequest(std::string("new"), coproc::kDefaultChannel, {.timeout = 20ms}),
               coproc::TimeoutError);
  EXPECT_THROW(messenger.send_end({.timeout = 0s}), coproc::TimeoutError);
  messenger.discard_reply(ids[298]);  // it waits here, and is not sent any more
  cat.shared().may_go_on = true;
  ids.push_back(messenger.send_request(std::string("new")));
  sent.push_back("new");
  sent.erase(sent.begin() + 298);
  std::vector<std::string> replies;
  for (std::string& reply : messenger.receive_remaining<std::string>()) replies.push_back(std::move(reply));
  EXPECT_EQ(replies, sent);
}

TEST(SupervisedResend, NamesThatTakeSeveralPiecesAreDeclaredAgain) {
  const std::string name(3000, 'c');
  const auto hoard_there = [&](PriorityMessenger& host, Shared& shared) {
    for (;; ++shared.returned) (void)host.receive_blocking(name);
  };
  const auto answer_there = [&](PriorityMessenger& host, Shared&) {
    for (;;) host.reply_to(host.receive_blocking(name), 7);
  };
  Lives cat({hoard_there, answer_there}, resending(), 4096);
  PriorityMessenger& messenger = cat.messenger();
  const RequestId first = messenger.send_request(1, name), second = messenger.send_request(std::string("two"), name);
  cat.wait_until_returned(2);
  cat.kill_now();
  EXPECT_EQ(messenger.receive_reply<int>(first), 7);
  EXPECT_EQ(messenger.receive_reply<int>(second), 7);
}

TEST(SupervisedResend, AnEventLoopSendsThemAgainToo) {
  const auto wait_and_answer = [](PriorityMessenger& host, Shared& shared) {
    while (!shared.may_go_on) std::this_thread::yield();
    tenfold_counted(host, shared);
  };
  Lives cat({hoard, wait_and_answer}, resending(), 4096);
  PriorityMessenger& messenger = cat.messenger();
  for (int i = 0; i < 500; ++i) messenger.send_request(i);
  cat.wait_until_returned(500);
  cat.kill_now();
  while (cat->history().empty()) (void)messenger.available();
  pollfd events{messenger.native_handle(), POLLIN, 0};
  cat.shared().may_go_on = true;
  for (int next = 0; next < 500;) {
    ASSERT_EQ(::poll(&events, 1, -1), 1);
    for (const int reply : messenger.receive_available<int>()) EXPECT_EQ(reply, 10 * next++);
  }
}

TEST(SupervisedResend, AWorkerThatDiesWhileTheyAreSentAgainLeavesThemToTheNextOne) {
  RestartOptions options = resending();
  options.attempts = 4;
  const auto die_in_between = [](PriorityMessenger& host, Shared&) {
    for (int i = 0; i < 20; ++i) (void)host.receive_blocking();
    die();
  };
  Lives cat({hoard, die_in_between, die_in_between, tenfold_counted}, options, 4096);
  PriorityMessenger& messenger = cat.messenger();
  std::vector<RequestId> ids;
  for (const int value : numbers(1000)) ids.push_back(messenger.send_request(value));
  cat.wait_until_returned(1000);
  cat.kill_now();
  EXPECT_THAT(failures_of(messenger, ids), ElementsAre());
  EXPECT_EQ(cat->history().size(), 3U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(cat.shared().runs[static_cast<std::size_t>(i)], 1);
}

TEST(SupervisedResend, AWorkerThatBreaksTheRulesIsReplacedAndItsRequestsAreSentAgain) {
  const auto break_rules = [](PriorityMessenger& host, Shared&) {
    (void)host.receive_blocking();
    coproc::link::Link& link = coproc::detail::MessengerAccess::core(host)->underlying_link();
    const auto room = link.reserve(64);
    coproc::link::write_header(room.data(), {.length = 64, .kind = static_cast<coproc::link::FrameKind>(99)});
    link.commit(64);
    link.publish();
    for (;;) ::pause();
  };
  Lives cat({break_rules, tenfold_counted});
  const RequestId id = cat.messenger().send_request(4);
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id), coproc::ProtocolError);
  EXPECT_EQ(cat.messenger().receive_reply<int>(id), 40);
}

TEST(SupervisedResend, AnswersToWhatWasNotSentAgainYetHarmNobodyElse) {
  const auto answer_all_at_once = [](PriorityMessenger& host, Shared& shared) {
    const Message first = host.receive_blocking();
    const auto id = static_cast<std::uint64_t>(first.request_id().value());
    host.reply_to(first, 7);
    coproc::link::Link& link = coproc::detail::MessengerAccess::core(host)->underlying_link();
    for (std::uint64_t i = 1; i < 400; ++i) {
      const auto room = link.reserve(36);
      if (room.empty()) break;
      coproc::link::write_header(
          room.data(), {.length = 36, .kind = coproc::link::FrameKind::reply, .type = 1, .request_id = id + i});
      link.commit(36);
    }
    link.publish();
    hoard(host, shared);
  };
  Lives cat({hoard, answer_all_at_once}, resending(), 4096);
  PriorityMessenger& messenger = cat.messenger();
  for (int i = 0; i < 500; ++i) messenger.send_request(i);
  cat.wait_until_returned(500);
  cat.kill_now();
  int replies = 0;
  try {
    for (; messenger.receive_for<int>(300ms); ++replies) {}
  } catch (const coproc::ProtocolError&) {
    // That may be, and it is of no more use then.
  }
  EXPECT_GT(replies, 0);
  Lives other({tenfold_counted});
  EXPECT_EQ(answer(*other.operator->(), 4), 40);
}

// ---- copies ----

TEST(SupervisedResend, RequestsBeyondTheBytesOfCopiesFail) {
  RestartOptions options = resending();
  options.resend_bytes = 2 * 256 + 100;
  Lives cat({hoard, tenfold_counted}, options);
  PriorityMessenger& messenger = cat.messenger();
  const RequestId first = messenger.send_request(1), second = messenger.send_request(2);
  const RequestId third = messenger.send_request(3);
  cat.wait_until_returned(3);
  cat.kill_now();
  EXPECT_EQ(messenger.receive_reply<int>(first), 10);
  EXPECT_EQ(messenger.receive_reply<int>(second), 20);
  try {
    (void)messenger.receive_reply<int>(third);
    FAIL() << "an answer from nobody";
  } catch (const RequestAttemptsError&) {
    FAIL() << "it had one attempt";
  } catch (const WorkerDiedError& died) {
    EXPECT_EQ(died.exit_status().signal(), SIGKILL);
  }
  EXPECT_EQ(cat->history().at(0).unanswered, 3U);
  EXPECT_EQ(cat->history().at(0).resent, 2U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(answer(*cat.operator->(), i), i * 10);  // their copies go with their replies
  cat.kill_now();
  EXPECT_EQ(answer(*cat.operator->(), 7), 70);
}

TEST(SupervisedResend, LentMemoryIsSentAgainAsItWasAtTheSend) {
  using Cells = std::vector<std::uint64_t>;
  const auto spoil = [](PriorityMessenger& host, Shared& shared) {
    auto lent = host.receive_blocking<coproc::SharedBuffer<std::uint64_t>>();
    std::fill(lent.begin(), lent.end(), 7);  // in the memory that the host had written
    (void)host.receive_blocking<Cells>();
    ++shared.returned;
    hoard(host, shared);
  };
  const auto sum = [](PriorityMessenger& host, Shared&) {
    const auto reply_sum = [&](const auto& cells) {
      host.send_reply(std::accumulate(cells.begin(), cells.end(), std::uint64_t{0}));
    };
    reply_sum(host.receive_blocking<coproc::SharedBuffer<std::uint64_t>>());
    reply_sum(host.receive_blocking<Cells>());
    (void)host.receive_blocking();
  };
  Lives cat({spoil, sum}, resending(), 1 << 20);
  PriorityMessenger& messenger = cat.messenger();
  constexpr std::size_t kCells = 100'000;
  auto loan = messenger.loan<std::uint64_t>(kCells);
  std::iota(loan.begin(), loan.end(), std::uint64_t{0});
  const RequestId lent = messenger.send_request(std::move(loan));
  const RequestId automatic = messenger.send_request(Cells(kCells, 3));
  cat.wait_until_returned(1);
  cat.kill_now();
  EXPECT_EQ(messenger.receive_reply<std::uint64_t>(automatic), 3 * kCells);
  EXPECT_EQ(messenger.receive_reply<std::uint64_t>(lent), kCells * (kCells - 1) / 2);
}

// ---- streams ----

TEST(SupervisedResend, AStreamIsAskedForAgainUnlessItHasBegun) {
  const auto begin_one = [](PriorityMessenger& host, Shared& shared) {
    const Message first = host.receive_blocking(), second = host.receive_blocking(), third = host.receive_blocking();
    for (int i = 0; i < 3; ++i) host.reply_part_to(first, i);
    host.reply_part_to(third, 0);
    host.end_reply_to(third);
    ++shared.returned;
    hoard(host, shared);
  };
  const auto count = [](PriorityMessenger& host, Shared& shared) {
    for (;;) {
      const Message message = host.receive_blocking();
      const int parts = message.get<int>();
      ++shared.runs[static_cast<std::size_t>(parts)];
      for (int i = 0; i < parts; ++i) host.reply_part_to(message, i);
      host.end_reply_to(message);
    }
  };
  Lives cat({begin_one, count});
  PriorityMessenger& messenger = cat.messenger();
  auto begun = messenger.stream<int>(5), fresh = messenger.stream<int>(4), over = messenger.stream<int>(1);
  auto cancelled = messenger.stream<int>(2);
  cat.wait_until_returned(1);
  cancelled.cancel();
  cat.kill_now();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fresh.next(), i);
  EXPECT_EQ(fresh.next(), std::nullopt);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(begun.next(), i);
  EXPECT_THROW((void)begun.next(), WorkerDiedError);
  EXPECT_EQ(over.next(), 0);
  EXPECT_EQ(over.next(), std::nullopt);
  EXPECT_EQ(cat->history().at(0).unanswered, 2U);
  EXPECT_EQ(cat->history().at(0).resent, 1U);
  auto next = messenger.stream<int>(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next.next(), i);
  EXPECT_EQ(cat.shared().runs[5] + cat.shared().runs[1] + cat.shared().runs[2], 0);
}
