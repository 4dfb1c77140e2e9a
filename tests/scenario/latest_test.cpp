// Channels that keep only the latest message.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "scenario/pair_of_messengers.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

using OneProcessLatest = scenario::PairOfMessengers;

void send_states_and_die(PriorityMessenger& host, int last) {
  for (int state = 1; state <= last; ++state) host.send_norequest(state, "state");
  host.send_norequest(std::string("log"));
  std::_Exit(3);
}

}  // namespace

TEST_F(OneProcessLatest, OnlyTheNewestIsReturned) {
  b.keep_latest("state");
  for (int i = 1; i <= 10; ++i) a.send_norequest(i, "state");
  EXPECT_EQ(b.receive_blocking<int>("state"), 10);
  EXPECT_EQ(b.receive_for<int>("state", 0s), std::nullopt);
  a.send_norequest(11, "state");
  EXPECT_EQ(b.receive_blocking<int>("state"), 11);
  // Channel and type are known now, so that the first of these could be returned straight from the link.
  for (int i = 12; i <= 13; ++i) a.send_norequest(i, "state");
  EXPECT_EQ(b.receive_blocking<int>("state"), 13);
  EXPECT_EQ(b.counts("state").received, 3u);
  EXPECT_EQ(b.counts("state").replaced, 10u);
}

TEST_F(OneProcessLatest, OneThatWasTakenInIsReplaced) {
  b.keep_latest("state");
  a.send_norequest(1, "state");
  EXPECT_EQ(b.available("state"), 1u);
  a.send_norequest(2, "state");
  EXPECT_EQ(b.receive_blocking<int>("state"), 2);
  a.send_norequest(3, "state");
  a.send_norequest(4, "state");
  EXPECT_EQ(b.available("state"), 1u);
  EXPECT_EQ(b.receive_available<int>("state"), std::vector{4});
  EXPECT_EQ(b.queued("state"), 0u);
}

TEST_F(OneProcessLatest, TheCallDropsWhatHasCome) {
  for (int i = 1; i <= 3; ++i) a.send_norequest(i, "state", {.priority = -i});
  EXPECT_EQ(b.available("state"), 3u);
  b.keep_latest("state");
  EXPECT_EQ(b.queued("state"), 1u);
  EXPECT_EQ(b.counts("state").replaced, 2u);
  EXPECT_EQ(b.receive_blocking<int>("state"), 3);
}

TEST_F(OneProcessLatest, AnotherPriorityIsNewerAllTheSame) {
  b.keep_latest("state");
  a.send_norequest(1, "state", {.priority = -5});
  a.send_norequest(2, "state", {.priority = 7});
  EXPECT_EQ(b.receive_blocking<int>("state"), 2);
  EXPECT_EQ(b.receive_for<int>("state", 0s), std::nullopt);
}

TEST_F(OneProcessLatest, OtherChannelsAndRequestsLoseNothing) {
  b.keep_latest("state");
  for (int i = 0; i < 3; ++i) {
    a.send_norequest(i, "state");
    a.send_request(10 + i, "state");
    a.send_norequest(20 + i);
  }
  EXPECT_EQ(b.available("state"), 4u);
  std::vector<int> got;
  for (const Message& message : b.receive_available("state")) {
    got.push_back(message.get<int>());
    if (message.request_id()) b.reply_to(message, message.get<int>());
  }
  EXPECT_EQ(got, (std::vector{2, 10, 11, 12}));
  EXPECT_EQ(b.receive_available<int>(), (std::vector{20, 21, 22}));
  a.keep_latest("state");
  for (int i = 0; i < 3; ++i) b.send_norequest(i, "state");
  std::vector<int> replies;
  for (int reply : a.receive_remaining<int>("state")) replies.push_back(reply);
  EXPECT_EQ(replies, (std::vector{10, 11, 12}));
  EXPECT_EQ(a.receive_blocking<int>("state"), 2);
}

TEST_F(OneProcessLatest, LargeOnesInPiecesAndByReceiveAny) {
  const auto state = [](int i) { return std::vector<int>(10000, i); };
  auto [from, to] = PriorityMessenger::new_pair({.automatic_loans = false});
  to.keep_latest();
  from.send_norequest(state(1));
  EXPECT_EQ(to.available(), 1u);
  from.send_norequest(state(2));
  EXPECT_EQ(to.receive_any({coproc::ChannelId(1), coproc::ChannelId()}, 0s)->get<std::vector<int>>(), state(2));
}

TEST_F(OneProcessLatest, WhatIsDroppedGivesItsLoansBack) {
  auto [from, to] = PriorityMessenger::new_pair({.loan_bytes = 1 << 20});
  to.keep_latest("state");
  for (int i = 0; i < 100; ++i) {  // more than there is to lend, if nothing came back
    auto pixels = from.loan<int>(100 * 1024);
    pixels[0] = i;
    from.send_norequest(std::move(pixels), "state");
    EXPECT_EQ(to.available("state"), 1u);
  }
  EXPECT_EQ(to.receive_blocking<coproc::SharedBuffer<int>>("state")[0], 99);
}

TEST_F(OneProcessLatest, AFullInboxHasRoomForANewerOne) {
  auto [from, to] = PriorityMessenger::new_pair({.max_queued_bytes = 1});
  to.keep_latest("state");
  from.send_norequest(std::string(100, 'a'), "state");
  EXPECT_EQ(to.available("state"), 1u);
  from.send_norequest(std::string(90, 'b'), "state");
  EXPECT_EQ(to.receive_blocking<std::string>("state"), std::string(90, 'b'));
}

TEST_F(OneProcessLatest, OnePutBackIsReplacedByANewerOne) {
  b.keep_latest("state");
  a.send_norequest(1, "state");
  Message one = b.receive_blocking("state");
  b.put_back(std::move(one));
  EXPECT_EQ(b.counts("state").received, 0u);
  one = b.receive_blocking("state");
  EXPECT_EQ(one.get<int>(), 1);
  a.send_norequest(2, "state");
  EXPECT_EQ(b.available("state"), 1u);
  b.put_back(std::move(one));
  EXPECT_EQ(b.receive_blocking<int>("state"), 2);
  EXPECT_EQ(b.receive_for<int>("state", 0s), std::nullopt);
  a.send_norequest(3, "state");
  b.put_back(b.receive_blocking("state"));
  a.send_norequest(4, "state");
  EXPECT_EQ(b.receive_blocking<int>("state"), 4);
}

TEST_F(OneProcessLatest, AWrongTypeStaysUntilANewerOneComes) {
  b.keep_latest("state");
  a.send_norequest(std::string("text"), "state");
  EXPECT_THROW(b.receive_blocking<int>("state"), coproc::TypeMismatchError);
  a.send_norequest(5, "state");
  EXPECT_EQ(b.receive_blocking<int>("state"), 5);
}

TEST(Latest, TheNewestBeforeTheDeathIsDelivered) {
  for (const auto method : {coproc::StartMethod::fork_server, coproc::StartMethod::fork, coproc::StartMethod::spawn}) {
    WorkerResource<void (*)(PriorityMessenger&, int)> worker{&send_states_and_die, {.method = method}};
    worker.start(100);
    worker.messenger().keep_latest("state");
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "log");
    EXPECT_EQ(worker.messenger().receive_blocking<int>("state"), 100);
    EXPECT_EQ(worker.messenger().counts("state").replaced, 99u);
    EXPECT_THROW(worker.messenger().receive_blocking<int>("state"), coproc::WorkerDiedError);
    worker.start(7);  // a new link, and still so
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "log");
    EXPECT_EQ(worker.messenger().receive_blocking<int>("state"), 7);
  }
}
