#include "messenger/channels.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace coproc::detail {
namespace {

TEST(Channels, TheDefaultChannelIsAlwaysThereAndNeedsNoDeclaration) {
  Channels channels;
  EXPECT_EQ(channels.size(), 1u);
  EXPECT_EQ(&channels.of({}), &channels.at(0));
  EXPECT_EQ(channels.at(0).number, 0u);
  EXPECT_EQ(channels.find({}), &channels.at(0));
}

TEST(Channels, ANameHasOneChannelHoweverManyThereAre) {
  Channels channels;
  for (int i = 0; i < 100; ++i) {
    Channel& by_number = channels.of(i);
    Channel& by_text = channels.of("channel " + std::to_string(i));
    EXPECT_NE(&by_number, &by_text);
    EXPECT_EQ(by_number.number, Channel::kUndeclared);
    by_number.counts.sent = static_cast<std::size_t>(i);
  }
  EXPECT_EQ(channels.size(), 201u);
  for (int i = 99; i >= 0; --i) {  // many more than the cache of the channels used last holds
    EXPECT_EQ(channels.of(i).counts.sent, static_cast<std::size_t>(i));
    EXPECT_EQ(channels.of("channel " + std::to_string(i)).id, ChannelId("channel " + std::to_string(i)));
  }
  EXPECT_EQ(channels.size(), 201u);
  for (std::uint32_t i = 0; i < channels.size(); ++i) EXPECT_EQ(channels.at(i).index, i);
}

TEST(Channels, LookingForANameAddsNone) {
  Channels channels;
  EXPECT_EQ(channels.find(7), nullptr);
  EXPECT_EQ(channels.size(), 1u);
  Channel& seven = channels.of(7);
  EXPECT_EQ(channels.find(7), &seven);
}

TEST(Channels, AllCountsAreTheSumsOverTheChannels) {
  Channels channels;
  EXPECT_EQ(channels.all_counts(), ChannelCounts());
  for (std::size_t i = 0; i < 10; ++i) {
    Counts& counts = channels.of(static_cast<int>(i)).counts;
    counts.sent += 10 + i;
    counts.received += i;
    counts.requests += 2;
    ++counts.replies;
    ++counts.replaced;
    --counts.received;
  }
  channels.of({}).counts.sent = 1;
  EXPECT_EQ(channels.all_counts(),
            (ChannelCounts{.sent = 146, .received = 35, .requests = 20, .replies = 10, .replaced = 10}));
}

TEST(OneProcessChannels, AnotherThreadReadsTheCountsWhileChannelsAreMadeAndMessagesCounted) {
  Channels channels;
  std::atomic<bool> is_over{false};
  std::thread reader([&] {
    std::size_t last = 0;
    while (!is_over) {
      const ChannelCounts now = channels.all_counts();
      EXPECT_GE(now.sent, last);
      EXPECT_GE(now.requests, now.replies);
      last = now.sent;
    }
  });
  constexpr int kMessages = 50'000;
  for (int i = 0; i < kMessages; ++i) {
    Counts& counts = channels.of(i % 500).counts;
    ++counts.sent;
    ++counts.requests;
    ++counts.replies;
  }
  is_over = true;
  reader.join();
  EXPECT_EQ(channels.all_counts().sent, std::size_t{kMessages});
}

}  // namespace
}  // namespace coproc::detail
