// What a messenger does, on pairs inside one process.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coproc::ChannelId;
using coproc::Message;
using coproc::MultiMessenger;
using coproc::PriorityMessenger;

namespace {

struct Warning {
  std::string text;
  int priority = 0;
  bool operator==(const Warning&) const = default;
};
struct Data {
  int value = 0;
  int priority = 1;
  bool operator==(const Data&) const = default;
};
struct Stamped {
  std::int64_t priority = 0;
};
struct NegativeInput {
  int value = 0;
};
struct OddError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct PlainError : std::exception {
  const char* what() const noexcept override { return "plain"; }
};
enum class Channel { data, warning };
enum class OtherChannel { data };

struct OneProcessMessenger : ::testing::Test {
  std::pair<PriorityMessenger, PriorityMessenger> ends = PriorityMessenger::new_pair();
  PriorityMessenger& a = ends.first;
  PriorityMessenger& b = ends.second;
};

TEST_F(OneProcessMessenger, CarriesValuesOfAnyType) {
  a.send_norequest("hello");
  a.send_norequest(42);
  a.send_norequest(std::map<std::string, std::vector<double>>{{"x", {1.5, 2.5}}});
  a.send_norequest(Warning{"careful"});
  EXPECT_EQ(b.receive_blocking<std::string>(), "hello");
  EXPECT_EQ(b.receive_blocking<int>(), 42);
  EXPECT_EQ((b.receive_blocking<std::map<std::string, std::vector<double>>>()["x"]), (std::vector{1.5, 2.5}));
  EXPECT_EQ(b.receive_blocking<Warning>(), Warning{"careful"});
}

TEST_F(OneProcessMessenger, KeepsChannelsApart) {
  a.send_norequest(1, Channel::data);
  a.send_norequest(2, "text");
  a.send_norequest(3, 7);
  a.send_norequest(4, OtherChannel::data);
  a.send_norequest(5, ChannelId::of(std::pair(1, 2)));
  a.send_norequest(6);
  EXPECT_EQ(b.receive_blocking<int>(ChannelId::of(std::pair(1, 2))), 5);
  EXPECT_EQ(b.receive_blocking<int>(OtherChannel::data), 4);
  EXPECT_EQ(b.receive_blocking<int>(std::size_t{7}), 3);
  EXPECT_EQ(b.receive_blocking<int>(std::string("text")), 2);
  EXPECT_EQ(b.receive_blocking<int>(Channel::data), 1);
  EXPECT_EQ(b.receive_blocking<int>(), 6);
  EXPECT_EQ(b.available(Channel::warning), 0u);
}

TEST_F(OneProcessMessenger, ReturnsLowerPrioritiesFirstAndEqualOnesInOrder) {
  a.send_norequest(Data{1});
  a.send_norequest(Data{2});
  a.send_norequest(Warning{"first"});
  a.send_norequest(3, {}, {.priority = 0.5});
  a.send_norequest(4);  // without a priority: minus infinity
  const auto all = b.receive_available();
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].get<int>(), 4);
  EXPECT_EQ(all[1].get<Warning>().text, "first");
  EXPECT_EQ(all[2].get<int>(), 3);
  EXPECT_EQ(all[3].get<Data>().value, 1);
  EXPECT_EQ(all[4].get<Data>().value, 2);
  EXPECT_EQ(all[0].priority(), -std::numeric_limits<double>::infinity());
}

TEST_F(OneProcessMessenger, KeepsNanosecondStampsExactly) {
  const std::int64_t big = 1'700'000'000'000'000'000;
  for (const std::int64_t offset : {3, 1, 2, 0}) a.send_norequest(Stamped{big + offset});
  for (const std::int64_t offset : {0, 1, 2, 3}) EXPECT_EQ(b.receive_blocking<Stamped>().priority, big + offset);
}

TEST_F(OneProcessMessenger, RefusesNaNAndCountsNothing) {
  EXPECT_THROW(a.send_norequest(1, {}, {.priority = std::nan("")}), coproc::InvalidArgumentError);
  EXPECT_EQ(a.counts().sent, 0u);
  EXPECT_EQ(b.available(), 0u);
}

TEST(OneProcessMultiMessenger, CarriesPrioritiesAndDoesNotReorder) {
  auto [a, b] = MultiMessenger::new_pair();
  a.send_norequest(Data{1, 5});
  a.send_norequest(Data{2, 1});
  const auto all = b.receive_available();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].get<Data>().value, 1);
  EXPECT_EQ(all[1].priority(), 1.0);
}

TEST_F(OneProcessMessenger, CountsRequestsAndReplies) {
  EXPECT_EQ(a.remaining(), 0u);
  a.send_request("hello");
  EXPECT_EQ(a.remaining(), 1u);
  b.send_reply(b.receive_blocking<std::string>());
  EXPECT_EQ(a.remaining(), 1u);  // until the reply is received
  EXPECT_EQ(a.receive_blocking<std::string>(), "hello");
  EXPECT_EQ(a.remaining(), 0u);
  EXPECT_EQ(a.counts(), (coproc::ChannelCounts{1, 1, 1, 1}));
  b.send_reply(1);  // nobody asked for it
  EXPECT_EQ(a.receive_blocking<int>(), 1);
  EXPECT_EQ(a.remaining(), 0u);
}

TEST_F(OneProcessMessenger, ReceivesRemainingRepliesOnly) {
  EXPECT_EQ(a.send_request_multiple({1, 2, 3}).size(), 3u);
  b.send_norequest(99);
  for (int i = 0; i < 3; ++i) b.send_reply(b.receive_blocking<int>() * 10);
  std::vector<int> replies;
  for (int reply : a.receive_remaining<int>()) replies.push_back(reply);
  EXPECT_EQ(replies, (std::vector{10, 20, 30}));
  EXPECT_EQ(a.receive_blocking<int>(), 99);
  for (int reply : a.receive_remaining<int>()) FAIL() << reply;
}

TEST_F(OneProcessMessenger, ReceiveRemainingThrowsAnErrorAfterTheRepliesBeforeItAndGoesOn) {
  a.send_request_multiple({1, 2});
  b.send_reply(b.receive_blocking<int>());
  b.send_error(OddError("between"));
  b.send_reply(b.receive_blocking<int>());
  std::vector<int> replies;
  EXPECT_THROW(for (int reply : a.receive_remaining<int>()) replies.push_back(reply), OddError);
  EXPECT_EQ(replies, std::vector{1});
  for (int reply : a.receive_remaining<int>()) replies.push_back(reply);
  EXPECT_EQ(replies, (std::vector{1, 2}));
}

TEST_F(OneProcessMessenger, ReceiveRemainingTimesOut) {
  a.send_request(1);
  EXPECT_THROW(for (int reply : a.receive_remaining<int>({}, 1ms))(void) reply, coproc::TimeoutError);
}

TEST_F(OneProcessMessenger, ReceivesTheReplyToOneRequest) {
  const auto first = a.send_request(1);
  const auto second = a.send_request(2);
  b.send_reply(b.receive_blocking<int>() + 10);
  b.send_reply(b.receive_blocking<int>() + 10);
  EXPECT_EQ(a.receive_reply<int>(second), 12);
  EXPECT_EQ(a.available(), 1u);
  EXPECT_EQ(a.receive_reply<int>(first), 11);
  EXPECT_THROW(a.receive_reply<int>(first), coproc::NoRequestError);
  EXPECT_EQ(a.remaining(), 0u);
  const auto third = a.send_request(3);
  EXPECT_THROW(a.receive_reply<int>(third, 1ms), coproc::TimeoutError);
}

TEST_F(OneProcessMessenger, ManyRepliesOutOfOrder) {
  std::vector<coproc::RequestId> ids;
  for (int i = 0; i < 500; ++i) ids.push_back(a.send_request(i));
  for (int i = 0; i < 500; ++i) b.send_reply(b.receive_blocking<int>());
  for (int i = 499; i >= 0; i -= 2) ASSERT_EQ(a.receive_reply<int>(ids[static_cast<std::size_t>(i)]), i);
  for (int i = 0; i < 500; i += 2) ASSERT_EQ(a.receive_blocking<int>(), i);
  EXPECT_EQ(a.remaining(), 0u);
}

TEST_F(OneProcessMessenger, RepliesToAMessageInAnyOrder) {
  a.send_request_multiple({1, 2, 3});
  std::vector<Message> requests;
  for (int i = 0; i < 3; ++i) requests.push_back(b.receive_blocking());
  b.reply_to(requests[2], 30);
  b.reply_to(requests[0], 10);
  EXPECT_THROW(b.reply_to(requests[0], 10), coproc::NoRequestError);
  b.send_reply(20);  // the one that is left
  std::vector<int> replies;
  for (int reply : a.receive_remaining<int>()) replies.push_back(reply);
  EXPECT_EQ(replies, (std::vector{30, 10, 20}));
}

TEST_F(OneProcessMessenger, RefusesToReplyToWhatIsNoRequestHere) {
  a.send_norequest(1);
  const Message message = b.receive_blocking();
  EXPECT_THROW(b.reply_to(message, 1), coproc::NoRequestError);
  a.send_request(1);
  const Message request = b.receive_blocking();
  auto [c, d] = PriorityMessenger::new_pair();
  EXPECT_THROW(d.reply_to(request, 1), coproc::NoRequestError);
}

TEST_F(OneProcessMessenger, AnErrorReplyFailsJustItsRequest) {
  const auto bad = a.send_request(-1);
  const auto good = a.send_request(1);
  const Message first = b.receive_blocking();
  const Message second = b.receive_blocking();
  b.reply_error_to(first, NegativeInput{-1});
  b.reply_to(second, 1);
  EXPECT_EQ(a.receive_reply<int>(good), 1);
  try {
    a.receive_reply<int>(bad);
    FAIL();
  } catch (const NegativeInput& error) {
    EXPECT_EQ(error.value, -1);
  }
  EXPECT_EQ(a.remaining(), 0u);
  a.send_request(-2);
  b.reply_error_to(b.receive_blocking(), OddError("odd"));
  const Message reply = a.receive_blocking();
  EXPECT_TRUE(reply.is_reply());
  ASSERT_NE(reply.error(), nullptr);
  EXPECT_THROW(std::rethrow_exception(reply.error()), OddError);
  EXPECT_THROW(reply.get<int>(), OddError);
}

TEST_F(OneProcessMessenger, ErrorsArriveAsTheirOwnTypeWithTheirOrigin) {
  b.send_error(std::invalid_argument("data must be positive"));
  try {
    a.receive_blocking();
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "data must be positive");
    EXPECT_NE(dynamic_cast<const coproc::RemoteOrigin*>(&error), nullptr);
  }
  b.send_error(NegativeInput{-3});
  EXPECT_THROW(a.receive_blocking(), NegativeInput);
  b.send_error(PlainError());
  EXPECT_THROW(a.available(), PlainError);
  b.send_error(std::system_error(ENOENT, std::generic_category(), "open"));
  try {
    a.receive_available();
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_STREQ(error.what(), "open: No such file or directory");
  }
}

TEST_F(OneProcessMessenger, AnErrorOvertakesWhatIsQueuedAndLosesNothing) {
  b.send_norequest(1);
  b.send_error(OddError("odd"));
  b.send_norequest(2);
  EXPECT_THROW(a.receive_blocking<int>(), OddError);
  EXPECT_EQ(a.receive_blocking<int>(), 1);
  EXPECT_EQ(a.receive_blocking<int>(), 2);
}

TEST_F(OneProcessMessenger, ACloseRequestIsThrownOnceAndThenByEveryWait) {
  b.send_norequest(1);
  EXPECT_FALSE(a.close_requested());
  b.send_close_request();
  EXPECT_TRUE(a.close_requested());
  EXPECT_THROW(a.receive_blocking<int>(), coproc::ResourceRequestedClose);
  EXPECT_EQ(a.receive_blocking<int>(), 1);
  EXPECT_THROW(a.receive_blocking<int>(), coproc::ResourceRequestedClose);
  EXPECT_THROW(a.receive_for<int>(10s), coproc::ResourceRequestedClose);
  EXPECT_EQ(a.receive_for<int>(0s), std::nullopt);
  EXPECT_EQ(a.available(), 0u);
}

TEST_F(OneProcessMessenger, ACloseRequestIsNoStdException) {
  b.send_close_request();
  EXPECT_THROW(
      try { a.receive_blocking(); } catch (const std::exception&) { FAIL(); }, coproc::ResourceRequestedClose);
}

TEST_F(OneProcessMessenger, MatchesByType) {
  a.send_norequest(Warning{"w"});
  a.send_norequest(Data{5});
  a.send_norequest(1.5);
  std::string seen;
  for (const auto& message : b.receive_available()) {
    seen += message.match([](const Warning& w) { return "warning " + w.text; },
                          [](const Data& d) { return "data " + std::to_string(d.value); },
                          [](const Message& m) { return std::string(m.type_name()); }) +
            ";";
  }
  EXPECT_EQ(seen, "float64;warning w;data 5;");
  a.send_norequest(1.5);
  const Message message = b.receive_blocking();
  EXPECT_THROW(message.match([](int) {}), coproc::MessageNotRecognizedError);
  EXPECT_EQ(message.get<double>(), 1.5);
  EXPECT_EQ(message.get<double>(), 1.5);
}

TEST_F(OneProcessMessenger, ReceivesAnyOfSeveralChannels) {
  EXPECT_EQ(a.receive_any({1, "two"}, 0s), std::nullopt);
  b.send_norequest(Data{1}, 1);
  b.send_norequest(Warning{"w"}, "two");
  b.send_norequest(0, 3);
  EXPECT_EQ(a.receive_any({1, "two"})->channel(), ChannelId("two"));
  EXPECT_EQ(a.receive_any({1, "two"})->channel(), ChannelId(1));
  EXPECT_EQ(a.receive_any({1, "two"}, 0s), std::nullopt);
}

TEST_F(OneProcessMessenger, TimedReceivesGiveNothingWhenTheTimeIsOver) {
  EXPECT_EQ(a.receive_for<int>(0s), std::nullopt);
  EXPECT_EQ(a.receive_for<int>(1ms), std::nullopt);
  EXPECT_EQ(a.receive_until<int>(std::chrono::steady_clock::now() + 1ms), std::nullopt);
  b.send_norequest(1);
  EXPECT_EQ(a.receive_for<int>(1h), 1);
  b.send_norequest(2);
  EXPECT_EQ(a.receive_until<int>(std::chrono::system_clock::now() + 1h), 2);
}

TEST_F(OneProcessMessenger, TrySendGivesUpWhenTheRingIsFull) {
  std::size_t sent = 0;
  while (a.try_send(std::string(1000, 'x'))) ++sent;
  EXPECT_GT(sent, 10u);
  EXPECT_EQ(a.counts().sent, sent);
  EXPECT_THROW(a.send_norequest(std::string(1000, 'x'), {}, {.timeout = 1ms}), coproc::TimeoutError);
  EXPECT_THROW(a.send_request(std::string(1000, 'x'), {}, {.timeout = 1ms}), coproc::TimeoutError);
  EXPECT_EQ(a.counts().sent, sent);
  EXPECT_EQ(a.remaining(), 0u);
  EXPECT_EQ(b.receive_available().size(), sent);
  EXPECT_TRUE(a.try_send(1));
}

TEST_F(OneProcessMessenger, InterruptEndsAWait) {
  std::thread other([&] { a.interrupt(); });
  EXPECT_THROW(a.receive_blocking(), coproc::InterruptedError);
  other.join();
  b.send_norequest(1);
  EXPECT_EQ(a.receive_blocking<int>(), 1);
}

TEST_F(OneProcessMessenger, WaitsForAnyOfSeveralMessengers) {
  auto [c, d] = PriorityMessenger::new_pair();
  coproc::Messenger* const both[] = {&a, &c};
  EXPECT_EQ(coproc::wait_any(both, 1ms), 2u);
  std::thread sender([&d = d] { d.send_norequest(1); });
  EXPECT_EQ(coproc::wait_any(both), 1u);
  sender.join();
  EXPECT_EQ(c.receive_blocking<int>(), 1);
  EXPECT_EQ(coproc::wait_any(both, 0s), 2u);
  b.send_close_request();
  EXPECT_EQ(coproc::wait_any(both), 0u);
}

TEST_F(OneProcessMessenger, RefusesASecondThread) {
  std::atomic<bool> is_waiting{false};
  std::thread waiter([&] {
    is_waiting = true;
    for (bool is_done = false; !is_done;) {
      try {
        EXPECT_EQ(a.receive_blocking<int>(), 1);
        is_done = true;
      } catch (const coproc::ConcurrentUseError&) {
        // This thread came while the other one looked: either may be the second.
      }
    }
  });
  while (!is_waiting) std::this_thread::yield();
  // The other thread may not have come to its wait yet: then this one is let in and finds nothing.
  for (bool is_refused = false; !is_refused;) {
    try {
      (void)a.available("other");
    } catch (const coproc::ConcurrentUseError&) {
      is_refused = true;
    }
  }
  b.send_norequest(1);
  waiter.join();
}

TEST_F(OneProcessMessenger, AClosedPeerIsToldAfterWhatItSent) {
  b.send_norequest(1);
  { const auto gone = std::move(b); }
  EXPECT_EQ(a.receive_blocking<int>(), 1);
  EXPECT_THROW(a.receive_blocking<int>(), coproc::PeerClosedError);
  EXPECT_THROW(a.receive_blocking<int>(), coproc::PeerClosedError);
  EXPECT_EQ(a.available(), 0u);
  EXPECT_THROW(a.send_norequest(1), coproc::LinkClosedError);
}

TEST_F(OneProcessMessenger, MessagesOutliveTheirMessenger) {
  a.send_norequest(std::string(5000, 'm'), "lane");
  Message message = b.receive_blocking("lane");
  { const auto gone_a = std::move(a), gone_b = std::move(b); }
  EXPECT_EQ(message.get<std::string>(), std::string(5000, 'm'));
  EXPECT_EQ(message.channel(), ChannelId("lane"));
  EXPECT_EQ(message.type_name(), "string");
}

TEST_F(OneProcessMessenger, StreamsBetweenTwoThreads) {
  constexpr int kMessages = 100000;
  std::thread sender([&] {
    for (int i = 0; i < kMessages; ++i) a.send_norequest(i, i % 3);
  });
  std::vector<int> next{0, 1, 2};
  for (int i = 0; i < kMessages; ++i) {
    const auto message = *b.receive_any({0, 1, 2});
    const int lane = message.get<int>() % 3;
    ASSERT_EQ(message.get<int>(), next[static_cast<std::size_t>(lane)]);
    next[static_cast<std::size_t>(lane)] += 3;
  }
  sender.join();
}

TEST_F(OneProcessMessenger, AMovedFromMessengerSaysSo) {
  PriorityMessenger moved = std::move(a);
  EXPECT_THROW(a.send_norequest(1), coproc::WorkerIsAlreadyDeadError);
  EXPECT_EQ(a.remaining(), 0u);
  moved.send_norequest(1);
  EXPECT_EQ(b.receive_blocking<int>(), 1);
}

}  // namespace
