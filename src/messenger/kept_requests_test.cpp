#include "messenger/kept_requests.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "coproc/codec.hpp"
#include "coproc/decoder.hpp"
#include "coproc/type_info.hpp"

namespace coproc::detail {
namespace {

constexpr std::size_t kMaxMessage = std::size_t{1} << 20;

void keep(KeptRequests& kept, std::uint64_t id, const std::string& value, std::size_t max_message = kMaxMessage) {
  kept.keep(id, "channel", outgoing(value), Priority(3), max_message, 17);
}

TEST(KeptRequests, ACopyIsTheWholeRequest) {
  KeptRequests kept(10'000);
  {
    std::string value = "fox";
    keep(kept, 5, value);
    value = "dog";
  }
  const KeptRequest* const copy = kept.find(5);
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->channel, ChannelId("channel"));
  EXPECT_EQ(copy->type, type_info<std::string>.id);
  EXPECT_EQ(copy->priority, Priority(3));
  EXPECT_EQ(copy->window, 17U);
  Decoder decoder(copy->payload.span(), kMaxMessage);
  EXPECT_EQ(decode<std::string>(decoder), "fox");
  EXPECT_EQ(kept.type_text(copy->type), type_info<std::string>.describe());
  EXPECT_EQ(kept.find(6), nullptr);
}

TEST(KeptRequests, OnlySoManyBytesAreKept) {
  constexpr std::size_t kEach = KeptRequests::kEachBytes + 8 + 100;
  KeptRequests kept(2 * kEach + 10);
  const std::string value(100, 'x');
  for (const std::uint64_t id : {1u, 2u, 3u}) keep(kept, id, value);
  EXPECT_NE(kept.find(2), nullptr);
  EXPECT_EQ(kept.find(3), nullptr);
  kept.forget(1);
  kept.forget(1);
  keep(kept, 4, value);
  keep(kept, 5, "");
  EXPECT_NE(kept.find(4), nullptr);
  EXPECT_EQ(kept.find(5), nullptr);
  keep(kept, 4, value);  // once more, as after a send that has failed
  kept.forget(2);
  keep(kept, 6, value);
  EXPECT_NE(kept.find(4), nullptr);
  EXPECT_NE(kept.find(6), nullptr);
  kept.forget(4);
  kept.forget(6);
  keep(kept, 7, std::string(2 * kEach, 'x'));
  EXPECT_EQ(kept.find(7), nullptr);
  keep(kept, 8, value, 50);  // too large for the link
  EXPECT_EQ(kept.find(8), nullptr);
  keep(kept, 9, std::string(kEach, 'x'));
  EXPECT_NE(kept.find(9), nullptr);
}

TEST(KeptRequests, WhatWaitsIsSentAgainInItsOrder) {
  KeptRequests kept(10'000);
  EXPECT_FALSE(kept.has_unsent());
  kept.send_again(3);
  kept.send_again(9);
  EXPECT_EQ(kept.next_unsent(), 3U);
  kept.note_sent_again();
  EXPECT_EQ(kept.next_unsent(), 9U);
  kept.forget_unsent();
  EXPECT_FALSE(kept.has_unsent());
}

}  // namespace
}  // namespace coproc::detail
