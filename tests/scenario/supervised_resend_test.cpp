// Pending::resend: the requests that a dead worker has left are sent again to the next one, in their order and before
// anything new, and those that end their workers fail in the end.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "chaos/assassin.hpp"
#include "chaos/ledger.hpp"
#include "link/frame.hpp"
#include "link/in_hand.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "scenario/lives.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RequestAttemptsError;
using coproc::RequestId;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::Supervised;
using coproc::WorkerDiedError;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// Answers numbers by ten times as much, and counts how often each was run.
void tenfold_counted(PriorityMessenger& host, Shared& shared) {
  for (;;) {
    const int value = host.receive_blocking<int>();
    ++shared.runs[static_cast<std::size_t>(value)];
    host.send_reply(value * 10);
  }
}

/// Receives everything and answers nothing.
void hoard(PriorityMessenger& host, Shared& shared) {
  for (;;) {
    (void)host.receive_blocking();
    ++shared.returned;
  }
}

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Which of these requests fail, by their places; the others have to be answered rightly.
template <class Error = WorkerDiedError>
std::vector<int> failures_of(PriorityMessenger& messenger, const std::vector<RequestId>& ids) {
  std::vector<int> failures;
  for (int i = 0; i < static_cast<int>(ids.size()); ++i) {
    try {
      EXPECT_EQ(messenger.receive_reply<int>(ids[static_cast<std::size_t>(i)]), i * 10);
    } catch (const Error&) {
      failures.push_back(i);
    }
  }
  return failures;
}

}  // namespace

// ---- calls go on ----

TEST(SupervisedResend, AReceiveGoesOnAndGetsTheAnswerOfTheNextWorker) {
  Lives cat({die_with(1), tenfold_counted});
  const RequestId id = cat.messenger().send_request(4);
  cat.shared().may_go_on = true;
  EXPECT_EQ(cat.messenger().receive_reply<int>(id), 40);
  const auto history = cat->history();
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].unanswered, 1U);
  EXPECT_EQ(history[0].resent, 1U);
  EXPECT_THAT(history[0].describe(), HasSubstr("left 1 request unanswered, sent again; worker "));
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id), coproc::NoRequestError);
}

TEST(SupervisedResend, ASendGoesOnToTheNextWorker) {
  Lives cat({hoard, tenfold_counted});
  cat.kill_now();
  // A send may still find room in the link of a worker that has ended.
  for (int i = 0; cat->history().empty(); ++i) cat.messenger().send_norequest(i, "nobody listens here");
  EXPECT_EQ(answer(*cat.operator->(), 4), 40);
}

TEST(SupervisedResend, ACallTakesNoMoreThanItsTimeOverAllWorkers) {
  Lives cat({die_with(1), hoard});
  const RequestId id = cat.messenger().send_request(4);
  cat.shared().may_go_on = true;
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id, 300ms), coproc::TimeoutError);
  EXPECT_EQ(cat.messenger().receive_for<int>(20ms), std::nullopt);
  EXPECT_EQ(cat->history().size(), 1U);
}

TEST(SupervisedResend, ACallWhoseTimeIsOverBeforeTheBackoffGoesOnInTheNextOne) {
  RestartOptions options = resending();
  options.most = 5;
  options.backoff = {.first = 300ms, .then = 300ms};
  Lives cat({die_with(1), tenfold_counted}, options);
  const RequestId id = cat.messenger().send_request(4);
  cat.shared().may_go_on = true;
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id, 30ms), coproc::TimeoutError);
  EXPECT_EQ(cat.messenger().receive_reply<int>(id), 40);
}

TEST(SupervisedResend, StopEndsTheWaitForTheBackoff) {
  RestartOptions options{.most = 2, .within = 1000h, .backoff = {.first = 1h, .then = 1h, .most = 1h}};
  options.pending = Pending::resend;
  options.on_restart = [](const Restart&) { FAIL() << "it was started again"; };
  Lives cat({die_with(1)}, options);
  const RequestId id = cat.messenger().send_request(4);
  cat.shared().may_go_on = true;
  std::thread stopper([&] {
    wait_for_end(*cat.operator->());
    std::this_thread::sleep_for(20ms);
    cat->stop();
  });
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id), WorkerDiedError);
  stopper.join();
  EXPECT_FALSE(cat->is_alive());
}

TEST(SupervisedResend, ManyRequestsOfOneCallGoOverSeveralWorkersOnceEach) {
  const auto die_after_ten = [](PriorityMessenger& host, Shared&) {
    for (int i = 0; i < 10; ++i) host.send_reply(host.receive_blocking<int>() * 10);
    die();
  };
  Lives cat({die_after_ten, die_after_ten, tenfold_counted}, resending(), 4096);
  const std::vector<int> values = numbers(1000);
  const auto ids = cat.messenger().send_request_multiple(values);
  ASSERT_EQ(ids.size(), 1000U);
  for (std::size_t i = 1; i < ids.size(); ++i) EXPECT_LT(ids[i - 1], ids[i]);
  EXPECT_THAT(failures_of(cat.messenger(), ids), ElementsAre());
  EXPECT_EQ(cat.messenger().remaining(), 0U);
}

// ---- which requests, and in which order ----

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

// ---- those that end their workers ----

TEST(SupervisedResend, OneInAThousandThatAbortsFailsAloneAfterTwoRestarts) {
  const auto run = [](PriorityMessenger& host, Shared&) {
    for (;;) {
      const int value = host.receive_blocking<int>();
      if (value == 500) die();
      host.send_reply(value * 10);
    }
  };
  Lives cat({run});
  const auto ids = cat.messenger().send_request_multiple(numbers(1000));
  EXPECT_THAT(failures_of<RequestAttemptsError>(cat.messenger(), ids), ElementsAre(500));
  const auto history = cat->history();
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].unanswered, 500U);
  EXPECT_EQ(history[0].resent, 500U);
  EXPECT_EQ(history[1].unanswered, 500U);
  EXPECT_EQ(history[1].resent, 499U);
  EXPECT_THAT(history[1].describe(), HasSubstr("left 500 requests unanswered, 499 of them sent again; worker "));
  EXPECT_EQ(cat.messenger().remaining(), 0U);
}

TEST(SupervisedResend, TheErrorTellsAllEndsAndComesInPlaceOfTheReply) {
  const auto run = [](PriorityMessenger& host, Shared& shared) {
    (void)host.receive_blocking("here");
    if (shared.lives == 1) ::_exit(3);
    die();
  };
  Lives cat({run, run, tenfold_counted});
  PriorityMessenger& messenger = cat.messenger();
  messenger.send_request(4, "here");
  try {
    (void)messenger.receive_blocking<int>("here");
    FAIL() << "an answer from nobody";
  } catch (const RequestAttemptsError& failed) {
    EXPECT_EQ(failed.pid(), cat->history().at(1).pid_before);
    EXPECT_EQ(failed.exit_status().signal(), SIGKILL);
    ASSERT_EQ(failed.statuses().size(), 2U);
    EXPECT_EQ(failed.statuses()[0].code(), 3);
    EXPECT_THAT(failed.what(), HasSubstr("the last of 2 attempts"));
    EXPECT_THAT(failed.what(), HasSubstr("exited with code 3"));
  }
  EXPECT_EQ(messenger.remaining("here"), 0U);
  EXPECT_TRUE(cat->is_alive());
}

TEST(SupervisedResend, ALoopOverTheRemainingRepliesMeetsTheFailureAndEnds) {
  const auto run = [](PriorityMessenger& host, Shared&) {
    for (;;) {
      const int value = host.receive_blocking<int>();
      if (value == 2) die();
      host.send_reply(value);
    }
  };
  Lives cat({run});
  PriorityMessenger& messenger = cat.messenger();
  (void)messenger.send_request_multiple({0, 1, 2});
  std::vector<int> replies;
  const auto read_all = [&] {
    for (const int reply : messenger.receive_remaining<int>()) replies.push_back(reply);
  };
  EXPECT_THROW(read_all(), RequestAttemptsError);
  read_all();
  EXPECT_THAT(replies, ElementsAre(0, 1));
}

TEST(SupervisedResend, AFailureOutlivesRestartsAndCanBePutBack) {
  Lives cat({die_with(1), die_with(1), hoard, tenfold_counted});
  PriorityMessenger& messenger = cat.messenger();
  const RequestId id = messenger.send_request(4);
  cat.shared().may_go_on = true;
  while (cat->history().size() < 2) (void)messenger.available("nothing comes here");
  Message message = messenger.receive_blocking();
  EXPECT_THROW((void)message.get<int>(), RequestAttemptsError);
  messenger.put_back(std::move(message));
  cat.kill_now();
  while (cat->history().size() < 3) (void)messenger.available("nothing comes here");
  EXPECT_THROW((void)messenger.receive_reply<int>(id), RequestAttemptsError);
  EXPECT_THROW((void)messenger.receive_reply<int>(id), coproc::NoRequestError);
}

// ---- what is in hand ----

namespace {

/// Which of 100 requests fail when a worker dies in this life, if one attempt is all that they have.
std::vector<int> blamed(Lives::Life life) {
  RestartOptions options = resending();
  options.attempts = 1;
  Lives cat({std::move(life), tenfold_counted}, options);
  const auto ids = cat.messenger().send_request_multiple(numbers(100));
  cat.shared().may_go_on = true;
  return failures_of<RequestAttemptsError>(cat.messenger(), ids);
}

void wait_for_all(PriorityMessenger& host) {
  while (host.available() < 100) std::this_thread::yield();
}

}  // namespace

TEST(SupervisedResend, InHandIsWhatWasReceivedAndNotAnswered) {
  EXPECT_THAT(blamed(die_with(3)), ElementsAre(0, 1, 2));
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                wait_for_all(host);  // they have been taken in, and not received
                die();
              }),
              ElementsAre());
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                wait_for_all(host);
                std::vector<Message> messages;
                for (int i = 0; i < 5; ++i) messages.push_back(host.receive_blocking());
                host.reply_to(messages[1], 10);
                host.put_back(std::move(messages[4]));
                host.reply_to(messages[3], 30);
                die();
              }),
              ElementsAre(0, 2));
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared& shared) {
                while (!shared.may_go_on) std::this_thread::yield();
                const auto all = host.receive_available<int>();
                for (std::size_t i = 0; i + 2 < all.size(); ++i) host.send_reply(all[i] * 10);
                die();
              }),
              ElementsAre(98, 99));
}

TEST(SupervisedResend, InHandIsAlsoWhatWasReceivedTogetherStraightFromTheLink) {
  RestartOptions options = resending();
  options.attempts = 1;
  const auto receive_together = [](PriorityMessenger& host, Shared& shared) {
    host.send_reply(host.receive_blocking<int>() * 10);  // behind the declarations, which go through the inbox
    while (!shared.may_go_on) std::this_thread::yield();
    const auto all = host.receive_available<int>();
    EXPECT_EQ(all.size(), 9U);
    for (std::size_t i = 0; i + 2 < all.size(); ++i) host.send_reply(all[i] * 10);
    die();
  };
  Lives cat({receive_together, tenfold_counted}, options);
  PriorityMessenger& messenger = cat.messenger();
  std::vector<RequestId> ids{messenger.send_request(0)};
  while (messenger.available() == 0) std::this_thread::yield();
  for (int i = 1; i < 10; ++i) ids.push_back(messenger.send_request(i));
  cat.shared().may_go_on = true;
  EXPECT_THAT(failures_of<RequestAttemptsError>(messenger, ids), ElementsAre(8, 9));
}

TEST(SupervisedResend, AWorkerWithMoreInHandThanItCanTellHasAllInHand) {
  EXPECT_EQ(blamed(die_with(64)), numbers(64));
  EXPECT_EQ(blamed(die_with(65)), numbers(100));
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                std::vector<Message> messages;
                for (int i = 0; i < 70; ++i) messages.push_back(host.receive_blocking());
                for (int i = 1; i < 70; ++i) host.reply_to(messages[static_cast<std::size_t>(i)], i * 10);
                die();
              }),
              ElementsAre(0));
}

namespace {
struct Fuse {
  int value = 0;
};
}  // namespace
template <>
struct coproc::Codec<Fuse> {
  static constexpr std::string_view name = "Fuse";
  static void encode(Encoder& out, const Fuse& fuse) { out.scalar(fuse.value); }
  static Fuse decode(Decoder& in) {
    const int value = in.scalar<int>();
    if (value == 2) die();
    return {value};
  }
};

TEST(SupervisedResend, ARequestWhoseDecodingEndsTheWorkerIsInHand) {
  const auto run = [](PriorityMessenger& host, Shared& shared) {
    for (;;) {
      host.send_reply(host.receive_blocking<Fuse>().value * 10);
      while (!shared.may_go_on) std::this_thread::yield();
    }
  };
  Lives cat({run});
  PriorityMessenger& messenger = cat.messenger();
  std::vector<RequestId> ids{messenger.send_request(Fuse{0})};
  while (messenger.available() == 0) std::this_thread::yield();  // the next ones are decoded in the link
  for (int i = 1; i < 5; ++i) ids.push_back(messenger.send_request(Fuse{i}));
  cat.shared().may_go_on = true;
  EXPECT_THAT(failures_of<RequestAttemptsError>(messenger, ids), ElementsAre(2));
  EXPECT_EQ(cat->history().size(), 2U);
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

TEST(SupervisedResend, AStreamWhoseRequestEndsItsWorkersFails) {
  Lives cat({die_with(1), die_with(1), tenfold_counted});
  auto stream = cat.messenger().stream<int>(5);
  cat.shared().may_go_on = true;
  EXPECT_THROW((void)stream.next(), RequestAttemptsError);
  EXPECT_TRUE(stream.is_over());
  EXPECT_EQ(answer(*cat.operator->(), 7), 70);
}

// ---- workers that lie ----

namespace {

coproc::link::InHandWords& words_of(PriorityMessenger& host) {
  return coproc::detail::MessengerAccess::core(host)->underlying_link().in_hand_words();
}

}  // namespace

TEST(SupervisedResend, AWorkerThatLiesAboutWhatItHasInHandOnlyHarmsItself) {
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                (void)host.receive_blocking();
                words_of(host).ids[0] = 0;
                words_of(host).decoding = ~std::uint64_t{0};
                die();
              }),
              ElementsAre());
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                const Message message = host.receive_blocking();
                const auto id = static_cast<std::uint64_t>(message.request_id().value());
                for (std::uint64_t i = 0; i < coproc::link::kInHandSlots; ++i) words_of(host).ids[i] = id + 7;
                words_of(host).ids[5] = 1u << 30;  // none of the host's
                die();
              }),
              ElementsAre(7));
  for (const int tells : {0, 2, -1}) {
    EXPECT_EQ(blamed([tells](PriorityMessenger& host, Shared&) {
                words_of(host).tells = static_cast<std::uint32_t>(tells);
                die();
              }),
              numbers(100));
  }
}

TEST(SupervisedResend, AWorkerThatHidesWhatEndsItMeetsTheLimitOfRestarts) {
  RestartOptions options = resending();
  options.most = 4;
  Lives cat({[](PriorityMessenger& host, Shared&) {
              (void)host.receive_blocking();
              words_of(host).ids[0] = 0;
              die();
            }},
            options);
  const RequestId id = cat.messenger().send_request(1);
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id), coproc::RestartLimitError);
  EXPECT_EQ(cat->history().size(), 4U);
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

TEST(SupervisedResend, AtLeastOneAttemptIsAskedFor) {
  RestartOptions options = resending();
  options.attempts = 0;
  EXPECT_THROW((Supervised{&tenfold, {}, options}), coproc::InvalidArgumentError);
}
