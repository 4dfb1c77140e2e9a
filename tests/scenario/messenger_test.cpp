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

#include "scenario/pair_of_messengers.hpp"

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
enum class Channel { data, warning };
enum class OtherChannel { data };

struct OneProcessMessenger : scenario::PairOfMessengers {};

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

TEST_F(OneProcessMessenger, ChannelsAreNamedBeforeTimes) {
  b.send_norequest(1, 7);
  EXPECT_EQ(a.receive_for<int>(0s), std::nullopt);
  EXPECT_EQ(a.receive_for<int>(7, 0s), 1);
  b.send_norequest(2, "text");
  EXPECT_EQ(a.receive_until<int>("text", std::chrono::steady_clock::now() + 1h), 2);
}

TEST_F(OneProcessMessenger, TrySendTakesAPriorityAndNeverWaits) {
  EXPECT_TRUE(a.try_send(std::string("later"), {}, {.priority = 2}));
  EXPECT_TRUE(a.try_send(std::string("sooner"), {}, {.priority = 1}));
  EXPECT_EQ(b.receive_blocking<std::string>(), "sooner");
  EXPECT_EQ(b.receive_blocking<std::string>(), "later");
  while (a.try_send(std::string(1000, 'x'), {}, {.timeout = coproc::kForever})) {}
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
  EXPECT_EQ(coproc::wait_any(both, 1ms), std::nullopt);
  std::thread sender([&d = d] { d.send_norequest(1); });
  EXPECT_EQ(coproc::wait_any(both), 1u);
  sender.join();
  EXPECT_EQ(c.receive_blocking<int>(), 1);
  EXPECT_EQ(coproc::wait_any(both, 0s), std::nullopt);
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
  EXPECT_THROW(a.send_norequest(1), coproc::NoLinkError);
  EXPECT_EQ(a.remaining(), 0u);
  moved.send_norequest(1);
  EXPECT_EQ(b.receive_blocking<int>(), 1);
}

}  // namespace
