// Messages that were received and are put back: as if they had not been received.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "scenario/pair_of_messengers.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::MultiMessenger;

namespace {

struct OneProcessPutBack : scenario::PairOfMessengers {};

/// Receives the next message of the channel and puts it back.
void receive_and_put_back(coproc::Messenger& messenger, const coproc::ChannelId& channel = {}) {
  messenger.put_back(messenger.receive_blocking(channel));
}

}  // namespace

TEST_F(OneProcessPutBack, TheNextReceiveOfAnyKindReturnsIt) {
  for (int i = 0; i < 4; ++i) a.send_norequest(i, "channel");
  receive_and_put_back(b, "channel");
  EXPECT_EQ(b.available("channel"), 4u);
  EXPECT_EQ(b.counts("channel").received, 0u);
  EXPECT_EQ(b.receive_blocking<int>("channel"), 0);
  receive_and_put_back(b, "channel");
  EXPECT_EQ(b.receive_any({"other", "channel"}, 1s)->get<int>(), 1);
  receive_and_put_back(b, "channel");
  EXPECT_EQ(b.receive_available<int>("channel"), (std::vector{2, 3}));
  EXPECT_EQ(b.counts("channel").received, 4u);
}

TEST_F(OneProcessPutBack, ItIsTheFirstOfItsPriorityAlone) {
  for (int i = 0; i < 3; ++i) a.send_norequest(i, {}, {.priority = 5});
  Message first = b.receive_blocking();
  a.send_norequest(10, {}, {.priority = 1});
  b.put_back(std::move(first));
  EXPECT_EQ(b.receive_available<int>(), (std::vector{10, 0, 1, 2}));
}

TEST_F(OneProcessPutBack, SeveralGoBackInTheReverseOrderOfTheirReceives) {
  for (int i = 0; i < 5; ++i) a.send_norequest(i);
  std::vector<Message> taken = b.receive_available();
  a.send_norequest(5);
  for (; taken.size() > 1; taken.pop_back()) b.put_back(std::move(taken.back()));
  EXPECT_EQ(b.receive_available<int>(), (std::vector{1, 2, 3, 4, 5}));
}

TEST(OneProcessPutBackOfMultiMessenger, ItIsTheFirstOfAllChannels) {
  auto [a, b] = MultiMessenger::new_pair();
  a.send_norequest(1, "one", {.priority = 9});
  a.send_norequest(2, "two");
  a.send_norequest(3, "one");
  receive_and_put_back(b, "one");
  for (const int expected : {1, 2, 3}) EXPECT_EQ(b.receive_any({"one", "two"}, 1s)->get<int>(), expected);
}

TEST_F(OneProcessPutBack, ARequestIsNotReceivedAndCannotBeAnswered) {
  a.send_request("first");
  a.send_request("second");
  receive_and_put_back(b);
  b.send_reply("nobody asked");
  EXPECT_EQ(a.remaining(), 2u);
  std::vector<Message> requests = b.receive_available();
  b.put_back(std::move(requests[0]));
  b.send_reply("to the second");
  EXPECT_EQ(b.receive_blocking<std::string>(), "first");
  b.send_reply("to the first");
  EXPECT_EQ(a.receive_available<std::string>(),
            (std::vector<std::string>{"nobody asked", "to the second", "to the first"}));
  EXPECT_EQ(a.remaining(), 0u);
}

TEST_F(OneProcessPutBack, ARequestThatIsAnsweredStaysReceived) {
  a.send_request("what?");
  Message request = b.receive_blocking();
  b.reply_to(request, "that");
  EXPECT_THROW(b.put_back(std::move(request)), coproc::NoRequestError);
  EXPECT_EQ(request.get<std::string>(), "what?");
  EXPECT_EQ(b.available(), 0u);
}

TEST_F(OneProcessPutBack, AReplyIsMissingUntilItIsReceivedAgain) {
  const auto ids = a.send_request_multiple({0, 1, 2});
  for (const Message& request : b.receive_available()) b.reply_to(request, request.get<int>());
  receive_and_put_back(a);
  EXPECT_EQ(a.remaining(), 3u);
  EXPECT_EQ(a.counts().replies, 0u);
  EXPECT_EQ(a.receive_reply<int>(ids[0]), 0);
  a.put_back(a.receive_reply(ids[2]));
  std::vector<int> replies;
  for (const int reply : a.receive_remaining<int>()) replies.push_back(reply);
  EXPECT_EQ(replies, (std::vector{2, 1}));
  EXPECT_EQ(a.remaining(), 0u);
}

TEST_F(OneProcessPutBack, AnErrorReplyStaysOne) {
  const auto id = a.send_request(1);
  b.reply_error_to(b.receive_blocking(), std::invalid_argument("no"));
  receive_and_put_back(a);
  EXPECT_THROW(a.receive_reply<int>(id), std::invalid_argument);
  EXPECT_EQ(a.remaining(), 0u);
}

TEST_F(OneProcessPutBack, LargeAndLentValuesStayWhole) {
  const std::string text(200'000, 'x');
  a.send_norequest(text);
  auto lent = a.loan<int>(100'000);
  lent.span()[99'999] = 7;
  a.send_norequest(std::move(lent));
  std::vector<Message> taken = b.receive_available();
  for (; !taken.empty(); taken.pop_back()) b.put_back(std::move(taken.back()));
  EXPECT_EQ(b.receive_blocking<std::string>(), text);
  EXPECT_EQ(b.receive_blocking<coproc::SharedBuffer<int>>().span()[99'999], 7);
}

TEST_F(OneProcessPutBack, WhatIsNotOfThisLinkIsRefused) {
  auto other = coproc::PriorityMessenger::new_pair();
  a.send_norequest(1);
  Message message = b.receive_blocking();
  EXPECT_THROW(other.second.put_back(std::move(message)), coproc::InvalidArgumentError);
  b.put_back(std::move(message));
  EXPECT_THROW(b.put_back(std::move(message)), coproc::InvalidArgumentError);  // NOLINT: it is empty now
  EXPECT_EQ(b.receive_available<int>(), std::vector{1});
}

TEST_F(OneProcessPutBack, ItWakesWhoWaitsAndOutlivesThePeer) {
  a.send_norequest(1);
  Message message = b.receive_blocking();
  { const auto gone = std::move(a); }
  b.put_back(std::move(message));
  coproc::Messenger* const one[] = {&b};
  EXPECT_EQ(coproc::wait_any(one, 0s), 0u);
  EXPECT_EQ(b.receive_blocking<int>(), 1);
  EXPECT_THROW(b.receive_blocking<int>(), coproc::PeerClosedError);
}
