// Tests of receives straight from the link: when they are possible, when not, and which messages overtake others.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "coproc/coproc.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"

using namespace std::chrono_literals;

namespace coproc {
namespace {

using detail::MessengerAccess;

struct Refused {
  int number = 0;
};

struct Large {  // larger than a record of these rings, and than a whole ring
  std::array<std::uint32_t, 5000> words{};
};
Large make_large(std::uint32_t first) {
  Large large;
  for (std::uint32_t& word : large.words) word = first++;
  return large;
}

template <class M>
struct OneProcessInPlace : ::testing::Test {
  std::pair<M, M> ends = M::new_pair({.ring_bytes = 4096});
  M& a = ends.first;
  M& b = ends.second;
};
using Kinds = ::testing::Types<PriorityMessenger, MultiMessenger>;
TYPED_TEST_SUITE(OneProcessInPlace, Kinds);

TYPED_TEST(OneProcessInPlace, AnErrorOvertakesMessagesThatWereSeenBeforeItWasSent) {
  for (int i = 0; i < 3; ++i) this->a.send_norequest(i);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 0);  // this receive has seen the others, too
  this->a.send_error(Refused{7});
  EXPECT_THROW((void)this->b.template receive_blocking<int>(), Refused);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 1);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 2);
}

TYPED_TEST(OneProcessInPlace, AnErrorOvertakesWhatIsReceivedAllAtOnce) {
  for (int i = 0; i < 3; ++i) this->a.send_norequest(i);
  this->a.send_error(Refused{7});
  EXPECT_THROW((void)this->b.template receive_available<int>(), Refused);
  EXPECT_EQ(this->b.template receive_available<int>(), (std::vector{0, 1, 2}));
}

TYPED_TEST(OneProcessInPlace, ACloseRequestOvertakesWhatWasSeen) {
  for (int i = 0; i < 3; ++i) this->a.send_norequest(i);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 0);
  this->a.send_close_request();
  EXPECT_THROW((void)this->b.template receive_blocking<int>(), ResourceRequestedClose);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 1);
}

TYPED_TEST(OneProcessInPlace, OtherChannelsAndTypesStayReceivableInTheirOrder) {
  this->a.send_norequest(1, 1);
  this->a.send_norequest(std::string("text"));
  this->a.send_norequest(2, 1);
  this->a.send_norequest(3);
  EXPECT_THROW((void)this->b.template receive_blocking<int>(), TypeMismatchError);
  EXPECT_EQ(this->b.template receive_blocking<int>(1), 1);
  EXPECT_EQ(this->b.template receive_blocking<std::string>(), "text");
  EXPECT_EQ(this->b.template receive_blocking<int>(), 3);
  EXPECT_EQ(this->b.template receive_blocking<int>(1), 2);
}

TYPED_TEST(OneProcessInPlace, WhatIsQueuedComesBeforeWhatIsStillInTheLink) {
  this->a.send_norequest(1);
  EXPECT_EQ(this->b.queued(), 0u);
  EXPECT_EQ(this->b.available(), 1u);  // drained
  EXPECT_EQ(this->b.queued(), 1u);
  this->a.send_norequest(2);
  EXPECT_EQ(this->b.template receive_available<int>(), (std::vector{1, 2}));
  this->a.send_norequest(3);
  EXPECT_EQ(this->b.available(), 1u);
  this->a.send_norequest(4);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 3);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 4);
}

TYPED_TEST(OneProcessInPlace, TheReplyThatIsAskedForPassesOthersByAndLeavesThem) {
  const RequestId first = this->a.send_request(1), second = this->a.send_request(2);
  for (int i = 0; i < 2; ++i) this->b.send_reply(10 * this->b.template receive_blocking<int>());
  this->b.send_norequest(5);
  EXPECT_EQ(this->a.template receive_reply<int>(second), 20);
  EXPECT_EQ(this->a.template receive_reply<int>(first), 10);
  EXPECT_EQ(this->a.remaining(), 0u);
  EXPECT_EQ(this->a.template receive_blocking<int>(), 5);
}

TYPED_TEST(OneProcessInPlace, AWholeRingOfMessagesIsSentAndReceivedAgainAndAgain) {
  // Space is released in large pieces. A sender that finds the ring full must find space when all is received.
  int sent = 0, received = 0;
  for (int round = 0; round < 200; ++round) {
    while (this->a.try_send(sent)) ++sent;
    while (auto value = this->b.template receive_for<int>(0ms)) EXPECT_EQ(*value, received++);
    EXPECT_EQ(received, sent);
  }
  EXPECT_GT(sent, 200 * 50);
}

TYPED_TEST(OneProcessInPlace, UntypedAndTypedReceivesTakeTurns) {
  for (int i = 0; i < 4; ++i) this->a.send_request(i, {}, {.priority = 3});
  const Message message = this->b.receive_blocking();
  EXPECT_EQ(message.get<int>(), 0);
  EXPECT_EQ(message.priority(), 3);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 1);
  const std::vector<Message> rest = this->b.receive_available();
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[1].template get<int>(), 3);
  this->b.reply_to(rest[1], 33);
  EXPECT_EQ(this->a.template receive_blocking<int>(), 33);
  EXPECT_EQ(this->a.remaining(), 3u);
}

TYPED_TEST(OneProcessInPlace, LargeValuesComeWholeWhateverInterruptsThem) {
  std::thread sender([&a = this->a] {
    for (std::uint32_t i = 0; i < 60; ++i) {
      a.send_norequest(make_large(i));
      if (i % 7 == 0) a.send_norequest(static_cast<int>(i), 1);
      if (i % 10 == 0) a.send_close_request();
    }
  });
  int closes = 0;
  for (std::uint32_t i = 0; i < 60;) {
    try {
      const auto large =
          i % 2 == 0 ? this->b.template receive_for<Large>(10s) : this->b.template receive_for<Large>(0ms);
      if (!large) {
        std::this_thread::yield();
        continue;
      }
      EXPECT_EQ(large->words, make_large(i).words);
      ++i;
    } catch (const ResourceRequestedClose&) {
      ++closes;
    }
  }
  sender.join();
  EXPECT_GT(closes, 0);
  EXPECT_EQ(this->b.available(1), 9u);
  EXPECT_EQ(this->b.counts().received, 60u);
}

TYPED_TEST(OneProcessInPlace, ALargeValueThatTheSenderGivesUpIsDropped) {
  std::thread sender([&a = this->a] {
    EXPECT_THROW(a.send_norequest(make_large(1), {}, {.timeout = 1ms}), TimeoutError);  // nobody receives
  });
  sender.join();
  std::thread again([&a = this->a] { a.send_norequest(make_large(2)); });
  EXPECT_EQ(this->b.template receive_blocking<Large>().words, make_large(2).words);
  again.join();
}

// ---- batches ----

TYPED_TEST(OneProcessInPlace, BatchesOfAnySizeComeWholeAndInOrder) {
  int sent = 0;
  std::uint64_t id = 1;
  for (std::size_t size = 0; size < 90; ++size) {  // the ring has room for about 100
    std::vector<int> values(size);
    for (int& value : values) value = sent++;
    for (const RequestId each : this->a.send_request_multiple(values))
      EXPECT_EQ(static_cast<std::uint64_t>(each), id++);
    EXPECT_EQ(this->a.remaining(), size);
    EXPECT_EQ(this->b.template receive_available<int>(), values);
    for (const int value : values) this->b.send_reply(-value);
    for (int& value : values) value = -value;
    EXPECT_EQ(this->a.template receive_available<int>(), values);
    EXPECT_EQ(this->a.remaining(), 0u);
  }
  EXPECT_EQ(this->a.counts().sent, static_cast<std::uint64_t>(sent));
  EXPECT_EQ(this->b.counts().received, static_cast<std::uint64_t>(sent));
}

TYPED_TEST(OneProcessInPlace, ABatchThatIsLargerThanTheRingWaitsForRoom) {
  std::vector<std::array<int, 10>> values(3000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i].fill(static_cast<int>(i));
  std::thread sender([&] {
    (void)this->a.send_request_multiple(values);
    for (const int one : this->a.template receive_remaining<int>()) EXPECT_EQ(one, 1);
  });
  for (std::size_t i = 0; i < values.size();) {
    for (const auto& value : this->b.template receive_available<std::array<int, 10>>()) {
      EXPECT_EQ(value, values[i++]);
      this->b.send_reply(1);
    }
  }
  sender.join();
  EXPECT_EQ(this->a.remaining(), 0u);
}

TYPED_TEST(OneProcessInPlace, ABatchCarriesItsPriorityAndChannel) {
  EXPECT_THROW((void)this->a.send_request_multiple(std::vector{1}, 5, {.priority = NAN}), InvalidArgumentError);
  for (const double priority : {2.0, 1.5})
    (void)this->a.send_request_multiple(std::vector{1, 2}, 5, {.priority = priority});
  EXPECT_EQ(this->a.remaining(5), 4u);
  EXPECT_EQ(this->a.remaining(), 0u);
  const std::vector<Message> all = this->b.receive_available(5);
  ASSERT_EQ(all.size(), 4u);
  const bool is_reordered = std::is_same_v<TypeParam, PriorityMessenger>;
  EXPECT_EQ(all[0].priority(), is_reordered ? 1.5 : 2.0);
  EXPECT_EQ(all[3].priority(), is_reordered ? 2.0 : 1.5);
}

TYPED_TEST(OneProcessInPlace, MessagesRequestsAndRepliesAreReceivedTogether) {
  for (int i = 0; i < 3; ++i) this->b.send_request(i);
  EXPECT_EQ(this->a.template receive_available<int>(), (std::vector{0, 1, 2}));
  this->a.send_reply(10);
  this->a.send_norequest(11);
  this->a.send_reply(12);
  this->a.send_request(13);
  this->a.send_reply(14);
  this->a.send_reply(15);  // nobody asked for it
  this->a.send_request(16);
  EXPECT_EQ(this->b.template receive_available<int>(), (std::vector{10, 11, 12, 13, 14, 15, 16}));
  EXPECT_EQ(this->b.remaining(), 0u);
  this->b.send_reply(23);
  this->b.send_reply(26);
  EXPECT_EQ(this->a.template receive_available<int>(), (std::vector{23, 26}));
  EXPECT_EQ(this->a.remaining(), 0u);
}

TYPED_TEST(OneProcessInPlace, AnotherTypeAmongManyLeavesAllOfThemReceivable) {
  const RequestId asked = this->b.send_request(1);
  EXPECT_EQ(this->a.template receive_blocking<int>(), 1);
  this->a.send_reply(2);
  this->a.send_request(3);
  this->a.send_norequest(4.0f);  // as large as the others
  this->a.send_norequest(5);
  EXPECT_THROW((void)this->b.template receive_available<int>(), TypeMismatchError);
  EXPECT_EQ(this->b.template receive_reply<int>(asked), 2);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 3);
  EXPECT_EQ(this->b.template receive_blocking<float>(), 4.0f);
  EXPECT_EQ(this->b.template receive_available<int>(), std::vector{5});
}

TYPED_TEST(OneProcessInPlace, AnEmptyMessageWithoutATypeIsRefusedAlsoAsTheFirstOfMany) {
  link::Link& link = MessengerAccess::core(this->a)->underlying_link();
  const auto room = link.reserve(link::kHeaderBytes);
  link::FrameHeader header;
  header.length = link::kHeaderBytes;
  link::write_header(room.data(), header);
  link.commit(link::kHeaderBytes);
  EXPECT_TRUE(link.publish());
  EXPECT_THROW((void)this->b.receive_available(), ProtocolError);
}

TEST(OneProcessInPlacePriorities, AMoreUrgentMessageOvertakesThoseThatWereSeenBefore) {
  auto [a, b] = PriorityMessenger::new_pair();
  for (int i = 0; i < 3; ++i) a.send_norequest(i, {}, {.priority = 5});
  EXPECT_EQ(b.receive_blocking<int>(), 0);
  a.send_norequest(9, {}, {.priority = 1});
  a.send_norequest(3, {}, {.priority = 5});
  EXPECT_EQ(b.receive_blocking<int>(), 9);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(b.receive_blocking<int>(), i);
}

// The front of the queue is less urgent than the last message. The next message may be between the two: it does not
// overtake the last message, but must be returned before the front.
TEST(OneProcessInPlacePriorities, AMessageBetweenTheQueueAndTheLastOneComesFirst) {
  auto [a, b] = PriorityMessenger::new_pair();
  a.send_norequest(30, {}, {.priority = 30});
  a.send_norequest(10, {}, {.priority = 10});
  EXPECT_EQ(b.receive_blocking<int>(), 10);  // 30 is queued
  a.send_norequest(20, {}, {.priority = 20});
  EXPECT_EQ(b.receive_blocking<int>(), 20);
  EXPECT_EQ(b.receive_blocking<int>(), 30);
}

TEST(OneProcessInPlacePriorities, AnyOrderOfSendsComesOutSorted) {
  auto [a, b] = PriorityMessenger::new_pair();
  std::uint32_t random = 1;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 5; ++i) {
      random = random * 1664525 + 1013904223;
      const int priority = static_cast<int>(random >> 28);
      a.send_norequest(priority, static_cast<int>(random >> 20 & 1), {.priority = priority});
    }
    // One message of channel 0, and sometimes all of channel 1. Each must have the lowest priority of those there.
    std::vector<int> all;
    if (round % 7 == 0) {
      while (const auto value = b.receive_for<int>(1, 0ms)) all.push_back(*value);
      EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    }
    const int first = b.receive_for<int>(0, 0ms).value_or(-1);
    const std::size_t left = b.available(0);
    std::vector<Message> rest = b.receive_available(0);
    EXPECT_EQ(rest.size(), left);
    for (const Message& message : rest) EXPECT_GE(message.get<int>(), first);
    for (const Message& message : rest) a.send_norequest(message.get<int>(), 0, {.priority = message.get<int>()});
    if (rest.size() > 40) {
      EXPECT_EQ(b.receive_available<int>(0).size(), rest.size());
    }
  }
}

// ---- blocks, and sends that wake nobody ----

std::vector<int> numbers_in(detail::Buffer& block) {
  std::vector<int> numbers;
  for (auto rest = block.span(); !rest.empty();) {
    std::uint32_t size = 0;
    std::memcpy(&size, rest.data(), sizeof size);
    EXPECT_EQ(size, sizeof(int));
    std::memcpy(&numbers.emplace_back(), rest.data() + sizeof size, sizeof(int));
    rest = rest.subspan(sizeof size + size);
  }
  return numbers;
}

TYPED_TEST(OneProcessInPlace, ABlockIsWhatComesBeforeAnythingElse) {
  detail::Core& from = *MessengerAccess::core(this->a);
  detail::Core& to = *MessengerAccess::core(this->b);
  detail::Buffer block;
  this->a.send_norequest(0);  // declares the type
  EXPECT_EQ(this->b.template receive_blocking<int>(), 0);
  from.publish_quietly(true);
  for (int i = 1; i < 4; ++i) this->a.send_norequest(i);
  EXPECT_TRUE(to.receive_block(type_info<int>, block));
  EXPECT_EQ(numbers_in(block), (std::vector{1, 2, 3}));
  this->a.send_norequest(4);
  this->a.send_norequest(std::string("five"));
  this->a.send_norequest(6);
  block.clear();
  EXPECT_FALSE(to.receive_block(type_info<int>, block));
  EXPECT_EQ(numbers_in(block), std::vector{4});
  EXPECT_EQ(this->b.template receive_blocking<std::string>(), "five");
  EXPECT_EQ(this->b.template receive_blocking<int>(), 6);
  this->a.send_norequest(7);
  this->a.send_error(Refused{8});
  block.clear();
  EXPECT_FALSE(to.receive_block(type_info<int>, block));
  EXPECT_TRUE(block.empty());
  EXPECT_THROW((void)this->b.template receive_blocking<int>(), Refused);
  EXPECT_EQ(this->b.template receive_blocking<int>(), 7);
  EXPECT_EQ(this->b.counts().received, 8U);
}

}  // namespace
}  // namespace coproc
