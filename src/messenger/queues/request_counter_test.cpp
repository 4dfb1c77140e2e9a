#include "coproc/queues/request_counter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace coproc {
namespace {

TEST(RequestCounter, CountsEachKeyApart) {
  RequestCounter<std::string> counter;
  counter.count_request("a");
  counter.count_request("a");
  counter.count_sent("a");
  counter.count_request("b");
  counter.count_received("b");
  EXPECT_TRUE(counter.count_reply("a"));
  EXPECT_EQ(counter.counts("a"), (ChannelCounts{.sent = 3, .received = 1, .requests = 2, .replies = 1}));
  EXPECT_EQ(counter.counts("b"), (ChannelCounts{.sent = 1, .received = 1, .requests = 1, .replies = 0}));
  EXPECT_EQ(counter.counts("c"), ChannelCounts());
  EXPECT_EQ(counter.remaining("a"), 1u);
  EXPECT_EQ(counter.remaining("c"), 0u);
  EXPECT_EQ(counter.remaining(), 2u);
}

TEST(RequestCounter, AReplyNobodyAskedForLeavesRemainingAlone) {
  RequestCounter<int> counter;
  EXPECT_FALSE(counter.count_reply(1));
  EXPECT_EQ(counter.remaining(1), 0u);
  EXPECT_EQ(counter.remaining(), 0u);
  EXPECT_EQ(counter.counts(1), (ChannelCounts{.sent = 0, .received = 1, .requests = 0, .replies = 0}));
  counter.count_request(1);
  EXPECT_EQ(counter.remaining(1), 1u) << "the earlier reply answers no later request";
  counter.count_request(2);
  EXPECT_TRUE(counter.count_reply(1));
  EXPECT_FALSE(counter.count_reply(1));
  EXPECT_EQ(counter.remaining(), 1u) << "one key's reply answers no other key's request";
}

TEST(RequestCounter, Forgets) {
  RequestCounter<int> counter;
  for (int i = 0; i < 6; ++i) counter.count_request(i % 3);
  counter.count_reply(0);
  counter.clear(0);
  counter.clear(9);
  EXPECT_EQ(counter.remaining(), 4u);
  EXPECT_EQ(counter.counts(0), ChannelCounts());
  counter.clear();
  EXPECT_EQ(counter.remaining(), 0u);
}

TEST(ChannelCounts, RemainingNeverWraps) {
  EXPECT_EQ((ChannelCounts{.sent = 0, .received = 5, .requests = 2, .replies = 5}).remaining(), 0u);
}

}  // namespace
}  // namespace coproc
