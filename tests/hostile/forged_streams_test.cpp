// Parts, credit and cancellations that break the rules of streams: each is a ProtocolError at the door.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "coproc/coproc.hpp"
#include "hostile/bare_peer.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::detail::Core;
using coproc::link::FrameHeader;
using coproc::link::FrameKind;

namespace {

struct OneProcessForgedStreams : hostile::BarePeer {
  void put(FrameHeader header, std::span<const std::byte> payload = {}) { ASSERT_TRUE(BarePeer::put(header, payload)); }
  void part(std::uint64_t id, int value = 7) {
    put({.kind = FrameKind::part, .type = 1, .request_id = id}, std::as_bytes(std::span(&value, 1)));
  }
  /// A request of the peer that asks for a stream.
  void ask(std::uint64_t id, std::uint64_t window) {
    std::vector<std::byte> payload(sizeof(int) + sizeof window);
    std::memcpy(payload.data() + sizeof(int), &window, sizeof window);
    put({.kind = FrameKind::request, .flags = coproc::link::kAsksForParts, .type = 1, .request_id = id}, payload);
  }
  void credit(std::uint64_t id, std::uint64_t bytes) {
    put({.kind = FrameKind::credit, .request_id = id}, std::as_bytes(std::span(&bytes, 1)));
  }
  void expect_broken_rule() { EXPECT_THROW((void)host.available(), coproc::ProtocolError); }
};

}  // namespace

TEST_F(OneProcessForgedStreams, PartsForWhatIsNoStream) {
  declare<int>();
  const auto plain = host.send_request(1);
  auto stream = host.stream<int>(2);
  part(static_cast<std::uint64_t>(plain));
  expect_broken_rule();
  EXPECT_THROW((void)stream.next(0s), coproc::ProtocolError);
}

TEST_F(OneProcessForgedStreams, PartsForTheNextStream) {
  declare<int>();
  part(1);
  expect_broken_rule();
  auto stream = host.stream<int>(2);
}

TEST_F(OneProcessForgedStreams, PartsOnAnotherChannel) {
  declare<int>();
  auto stream = host.stream<int>(2, coproc::ChannelId("lane"));
  part(1);
  expect_broken_rule();
}

TEST_F(OneProcessForgedStreams, MorePartsThanTheWindowAllows) {
  declare<int>();
  auto stream = host.stream<int>(2, {.window_bytes = 1640});
  for (int i = 0; i < 10; ++i) part(1, i);
  EXPECT_EQ(host.available(), 0u);
  EXPECT_EQ(stream.next(), 0);  // half a window is not taken yet, so that nothing is paid for
  part(1);
  expect_broken_rule();
  for (int i = 1; i < 10; ++i) EXPECT_EQ(stream.next(), i);
}

TEST_F(OneProcessForgedStreams, MorePartsThanTheWindowAllowsAfterACancellation) {
  declare<int>();
  auto stream = host.stream<int>(2, {.window_bytes = 1640});
  for (int i = 0; i < 5; ++i) part(1, i);
  EXPECT_EQ(host.available(), 0u);
  stream.cancel();
  for (int i = 0; i < 5; ++i) part(1, i);
  EXPECT_EQ(host.available(), 0u);
  part(1);
  expect_broken_rule();
}

TEST_F(OneProcessForgedStreams, PartsBehindTheEnd) {
  declare<int>();
  declare<std::monostate>();
  for (const bool is_read : {true, false}) {
    auto stream = host.stream<int>(2);
    const std::uint64_t id = is_read ? 1 : 2;
    const std::byte nothing{};
    put({.kind = FrameKind::reply, .type = 2, .request_id = id}, {&nothing, 1});
    EXPECT_EQ(host.available(), 0u);
    if (is_read) {
      EXPECT_FALSE(stream.next(0s));
      continue;
    }
    part(id);
    expect_broken_rule();
    EXPECT_FALSE(stream.next(0s));
  }
}

TEST_F(OneProcessForgedStreams, TwoEnds) {
  declare<int>();
  auto stream = host.stream<int>(2);
  const int value = 1;
  for (int i = 0; i < 2; ++i)
    put({.kind = FrameKind::reply, .type = 1, .request_id = 1}, std::as_bytes(std::span(&value, 1)));
  expect_broken_rule();
  EXPECT_EQ(stream.next(), 1);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_F(OneProcessForgedStreams, AWindowOfNothing) {
  declare<int>();
  ask(1, 0);
  expect_broken_rule();
}

TEST_F(OneProcessForgedStreams, ARequestWithoutAWindow) {
  declare<int>();
  const int value = 1;
  put({.kind = FrameKind::request, .flags = coproc::link::kAsksForParts, .type = 1, .request_id = 1},
      std::as_bytes(std::span(&value, 1)));
  expect_broken_rule();
}

TEST_F(OneProcessForgedStreams, TwoStreamsByOneId) {
  declare<int>();
  ask(5, 1000);
  ask(5, 1000);
  expect_broken_rule();
}

TEST_F(OneProcessForgedStreams, MoreCreditThanWasSpent) {
  declare<int>();
  ask(5, ~std::uint64_t{0});
  const coproc::Message request = host.receive_blocking();
  host.reply_part_to(request, 1);
  credit(5, 165);
  EXPECT_THROW(host.reply_part_to(request, 2), coproc::ProtocolError);
}

TEST_F(OneProcessForgedStreams, WhatCrossesTheEndIsIgnored) {
  declare<int>();
  ask(5, 1000);
  const coproc::Message request = host.receive_blocking();
  host.reply_part_to(request, 1);
  host.end_reply_to(request);
  credit(5, 164);
  credit(77, ~std::uint64_t{0});
  put({.kind = FrameKind::cancel, .request_id = 5});
  put({.kind = FrameKind::cancel, .request_id = 78});
  EXPECT_EQ(host.available(), 0u);
  ask(5, 1000);  // the id is free again
  const coproc::Message again = host.receive_blocking();
  host.reply_part_to(again, 1);
}

TEST(OneProcessFrame, OfStreamsHaveIdsAndTheirSizes) {
  const auto is_possible = [](FrameHeader header, std::size_t payload) {
    std::vector<std::byte> record(coproc::link::kHeaderBytes + payload);
    std::memcpy(record.data(), &header, sizeof header);
    return coproc::link::parse_frame(record).has_value();
  };
  using coproc::link::kAsksForParts, coproc::link::kCarriesLoans, coproc::link::kFirstFragment;
  EXPECT_TRUE(is_possible({.kind = FrameKind::credit, .request_id = 1}, 8));
  EXPECT_FALSE(is_possible({.kind = FrameKind::credit, .request_id = 1}, 9));
  EXPECT_FALSE(is_possible({.kind = FrameKind::credit}, 8));
  EXPECT_FALSE(is_possible({.kind = FrameKind::credit, .flags = kFirstFragment, .request_id = 1}, 8));
  EXPECT_TRUE(is_possible({.kind = FrameKind::cancel, .request_id = 1}, 0));
  EXPECT_FALSE(is_possible({.kind = FrameKind::cancel, .request_id = 1}, 8));
  EXPECT_FALSE(is_possible({.kind = FrameKind::cancel, .flags = kCarriesLoans, .request_id = 1}, 0));
  EXPECT_TRUE(is_possible({.kind = FrameKind::part, .flags = kCarriesLoans, .type = 1, .request_id = 1}, 8));
  EXPECT_FALSE(is_possible({.kind = FrameKind::part, .type = 1}, 8));
  EXPECT_TRUE(is_possible({.kind = FrameKind::request, .flags = kAsksForParts, .request_id = 1}, 8));
  EXPECT_FALSE(is_possible({.kind = FrameKind::reply, .flags = kAsksForParts, .request_id = 1}, 8));
  EXPECT_FALSE(is_possible({.kind = static_cast<FrameKind>(15), .request_id = 1}, 8));
}
