// Answers to what was not asked, asked elsewhere, or answered already: each is a ProtocolError at the door. And pieces
// that keep a receive busy for ever.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "coproc/coproc.hpp"
#include "hostile/bare_peer.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/channel_access.hpp"
#include "messenger/core.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::detail::Core;
using coproc::link::FrameHeader;
using coproc::link::FrameKind;

namespace {

struct OneProcessUnasked : hostile::BarePeer {
  void declare_lane() {
    coproc::detail::Buffer bytes;
    coproc::Encoder encoder(bytes, 1000);
    coproc::detail::ChannelAccess::encode(encoder, "lane");
    ASSERT_TRUE(put({.kind = FrameKind::channel}, encoder.written()));
  }
  void reply(std::uint64_t id, int value, std::uint32_t channel = 0) {
    ASSERT_TRUE(put({.kind = FrameKind::reply, .channel = channel, .type = 1, .request_id = id},
                    std::as_bytes(std::span(&value, 1))));
  }
  static std::uint64_t number(RequestId id) { return static_cast<std::uint64_t>(id); }
};

}  // namespace

TEST_F(OneProcessUnasked, NobodyHasAsked) {
  declare<int>();
  reply(1, 7);
  EXPECT_THROW((void)host.receive_for<int>(0s), coproc::ProtocolError);
  EXPECT_THROW((void)host.receive_for<coproc::Message>(0s), coproc::ProtocolError);
  EXPECT_THROW((void)host.receive_available<int>(), coproc::ProtocolError);
  EXPECT_THROW((void)host.available(), coproc::ProtocolError);
}

TEST_F(OneProcessUnasked, TheNextRequestIsNotAskedYet) {
  const auto id = host.send_request(1);
  declare<int>();
  reply(number(id) + 1, 7);
  EXPECT_THROW((void)host.receive_reply<int>(id, 0s), coproc::ProtocolError);
}

TEST_F(OneProcessUnasked, ASecondAnswerToWhatWasReceived) {
  const auto id = host.send_request(1);
  declare<int>();
  reply(number(id), 7);
  EXPECT_EQ(host.receive_reply<int>(id), 7);
  reply(number(id), 8);
  EXPECT_THROW((void)host.receive_for<int>(0s), coproc::ProtocolError);
}

TEST_F(OneProcessUnasked, ASecondAnswerToWhatWaitsInTheInbox) {
  const auto id = host.send_request(1);
  declare<int>();
  reply(number(id), 7);
  ASSERT_EQ(host.available(), 1u);
  reply(number(id), 8);
  EXPECT_THROW((void)host.available(), coproc::ProtocolError);
}

TEST_F(OneProcessUnasked, TwoAnswersThatComeTogether) {
  const auto first = host.send_request(1);
  const auto id = host.send_request(2);
  declare<int>();
  ASSERT_EQ(host.available(), 0u);
  reply(number(first), 6);
  reply(number(id), 7);
  reply(number(id), 8);
  EXPECT_THROW((void)host.receive_available<int>(), coproc::ProtocolError);
  EXPECT_EQ(host.remaining(), 2u);
}

TEST_F(OneProcessUnasked, AnAnswerOnAnotherChannel) {
  const auto id = host.send_request(1);
  declare<int>();
  declare_lane();
  reply(number(id), 7, 1);
  EXPECT_THROW((void)host.receive_for<int>("lane", 0s), coproc::ProtocolError);
}

TEST_F(OneProcessUnasked, AnErrorThatAnswersNothing) {
  for (const std::uint64_t id : {std::uint64_t{0}, std::uint64_t{5}}) {
    SCOPED_TRACE(id);
    ASSERT_TRUE(put({.kind = FrameKind::error_reply, .request_id = id}, {}));
    EXPECT_THROW((void)host.available(), coproc::ProtocolError);
  }
}

TEST_F(OneProcessUnasked, WhatWasGivenUpMayStillBeAnswered) {
  std::vector<RequestId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(host.send_request(i));
  declare<int>();
  EXPECT_THROW((void)host.receive_reply<int>(ids[0], 0s), coproc::TimeoutError);
  host.interrupt();
  EXPECT_THROW((void)host.receive_reply<int>(ids[1]), coproc::InterruptedError);
  reply(number(ids[0]), 10);
  reply(number(ids[2]), 12);
  reply(number(ids[1]), 11);
  reply(0, 13);  // a reply that answers nothing is a message as any other
  EXPECT_EQ(host.receive_reply<int>(ids[1]), 11);
  EXPECT_EQ(host.receive_available<int>(), (std::vector<int>{10, 12, 13}));
  EXPECT_EQ(host.remaining(), 0u);
}

// ---- pieces without end ----

namespace {

using Large = std::array<char, 64 << 20>;

/// Sends a large value, a byte at a time, until it is told to stop.
struct OneProcessPieces : OneProcessUnasked {
  std::unique_ptr<Large> value = std::make_unique<Large>();
  std::atomic<bool> is_over{false};
  std::thread sender;

  void begin() {
    declare<Large>();
    const std::uint64_t total = sizeof(Large);
    std::byte first[9] = {};
    std::memcpy(first, &total, sizeof total);
    ASSERT_EQ(host.available(), 0u);
    ASSERT_TRUE(put({.flags = coproc::link::kFirstFragment, .type = 1}, first));
    sender = std::thread([this] {
      const std::byte piece[1] = {};
      for (std::size_t sent = 1; sent < sizeof(Large) && !is_over;) {
        if (put({.kind = FrameKind::fragment}, piece)) {
          ++sent;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  ~OneProcessPieces() override {
    is_over = true;
    if (sender.joinable()) sender.join();
  }
  bool receive(coproc::Timeout timeout) {
    coproc::detail::Incoming to = coproc::detail::incoming<Large>(*value);
    const coproc::ChannelId channel;
    return coproc::detail::MessengerAccess::core(host)->receive(&channel, 1, to, timeout);
  }
};

}  // namespace

TEST_F(OneProcessPieces, DoNotKeepTheTimeOfAReceiveFromPassing) {
  begin();
  EXPECT_FALSE(receive(20ms));
  EXPECT_FALSE(receive(20ms));  // now from the inbox
}

TEST_F(OneProcessPieces, DoNotHideAnInterrupt) {
  begin();
  std::thread interrupter([&] {
    std::this_thread::sleep_for(5ms);  // so that it comes in the middle, mostly
    host.interrupt();
  });
  EXPECT_THROW((void)receive(coproc::kForever), coproc::InterruptedError);
  interrupter.join();
}
