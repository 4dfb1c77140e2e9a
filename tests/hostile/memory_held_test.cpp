// What a peer can make its host hold: whatever it sends, and in whatever order, a stated multiple of the link's limits.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "coproc/coproc.hpp"
#include "hostile/allocated.hpp"
#include "hostile/bare_peer.hpp"
#include "link/link.hpp"
#include "link/loan_reference.hpp"
#include "messenger/access.hpp"
#include "messenger/channel_access.hpp"
#include "messenger/core.hpp"

using namespace std::chrono_literals;
using coproc::link::FrameHeader;
using coproc::link::FrameKind;
using coproc::link::LoanReference;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kLimit = 4 * kMiB;
/// docs/link.md: three times the sum of both limits.
constexpr std::size_t kMost = 3 * (kLimit + kLimit);

/// Whatever the peer has sent and the host has not received waits in the host's inbox.
struct OneProcessMemoryHeld : hostile::BarePeer {
  OneProcessMemoryHeld()
      : BarePeer(
            {.ring_bytes = 64 * kMiB, .max_message_bytes = kLimit, .max_queued_bytes = kLimit, .loan_bytes = kMiB}) {}

  std::size_t before = 0;

  void SetUp() override {
    coproc::detail::Buffer bytes;
    coproc::Encoder encoder(bytes, 1000);
    coproc::encode(encoder, coproc::type_info<std::string>.id);
    coproc::encode(encoder, std::string("string"));
    put({.kind = FrameKind::type}, encoder.written());
    bytes.clear();
    coproc::Encoder name(bytes, 1000);
    coproc::detail::ChannelAccess::encode(name, "cover");
    put({.kind = FrameKind::channel}, name.written());
    (void)host.available();
    before = hostile::allocated_bytes();
    hostile::forget_peak();
  }
  std::size_t held() const {
    const std::size_t now = hostile::allocated_bytes() - before;
    RecordProperty("held_bytes", std::to_string(now));
    return now;
  }

  void put(FrameHeader header, std::span<const std::byte> payload) {
    std::span<std::byte> room = peer.reserve(coproc::link::kHeaderBytes + payload.size());
    if (room.empty()) {
      drain();
      room = peer.reserve(coproc::link::kHeaderBytes + payload.size());
    }
    ASSERT_FALSE(room.empty());
    header.length = static_cast<std::uint32_t>(coproc::link::kHeaderBytes + payload.size());
    std::memcpy(room.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(room.data() + sizeof header, payload.data(), payload.size());
    peer.commit(header.length);
    peer.publish();
  }
  void put(FrameHeader header, const std::string& payload) { put(header, std::as_bytes(std::span(payload))); }
  void drain() {
    coproc::detail::MessengerAccess::core(host)->try_drain();
    peer.publish();
  }
  /// Of a message that waits on a channel on which nobody receives.
  static FrameHeader cover() { return {.channel = 1, .type = 1}; }
  static std::string text(std::size_t bytes) {
    std::string payload(8 + bytes, 'x');
    const std::uint64_t count = bytes;
    std::memcpy(payload.data(), &count, sizeof count);
    return payload;
  }
  void receive_all() {
    while (host.receive_for<coproc::Message>(0s)) {}
  }
};

}  // namespace

TEST_F(OneProcessMemoryHeld, EmptyMessagesOfAsManyPriorities) {
  for (int i = 0; i < 40'000; ++i) {
    FrameHeader header = cover();
    header.priority = i;
    put(header, "");
  }
  drain();
  EXPECT_GT(host.queued("cover"), 20'000u);
  EXPECT_LT(held(), kMost);
}

TEST_F(OneProcessMemoryHeld, ListsOfLoansThatWereReceived) {
  const std::size_t count = 20'000;  // references to one byte, as many as fit into a message
  std::string many;
  const auto append = [&many](const auto& value) { many.append(reinterpret_cast<const char*>(&value), sizeof value); };
  append(std::uint64_t{1} | coproc::detail::kLentBit);
  append(std::uint32_t{0});
  for (std::size_t i = 0; i < count; ++i) append(LoanReference{.offset = 0, .bytes = 1, .slot = 0, .generation = 1});
  append(static_cast<std::uint32_t>(count));
  for (int round = 0; round < 200; ++round) {
    put({.flags = coproc::link::kCarriesLoans, .type = 1}, many);
    ASSERT_EQ(host.available(), 1u);
    EXPECT_EQ(host.receive_blocking<std::string>().size(), 1u);
    put(cover(), "");
    drain();
  }
  EXPECT_EQ(host.queued("cover"), 200u);
  EXPECT_LT(held(), kMost);
}

TEST_F(OneProcessMemoryHeld, AMessageOfMoreReferencesThanItMayHave) {
  const std::size_t count = kLimit / 100;  // 24 bytes each in the link, and more in memory
  std::string many;
  const auto append = [&many](const auto& value) { many.append(reinterpret_cast<const char*>(&value), sizeof value); };
  append(std::uint64_t{1} | coproc::detail::kLentBit);
  append(std::uint32_t{0});
  for (std::size_t i = 0; i < count; ++i) append(LoanReference{.offset = 0, .bytes = 1, .slot = 0, .generation = 1});
  append(static_cast<std::uint32_t>(count));
  put({.flags = coproc::link::kCarriesLoans, .type = 1}, many);
  EXPECT_THROW((void)host.available(), coproc::ProtocolError);
  EXPECT_LT(hostile::peak_allocated_bytes() - before, kMost);
}

TEST_F(OneProcessMemoryHeld, PayloadsThatWereReceived) {
  const std::string payload = text(1000);
  for (int round = 0; round < 500; ++round) {
    for (int i = 0; i < 50; ++i) put({.type = 1}, payload);
    drain();
    while (host.receive_for<std::string>(0s)) {}  // decoded where they lie, so that the entry keeps its block
    for (int i = 0; i < 50; ++i) put(cover(), "");
    drain();
  }
  EXPECT_EQ(host.queued("cover"), 25'000u);
  EXPECT_LT(held(), kMost);
}

TEST_F(OneProcessMemoryHeld, QueuesThatWereLong) {
  // Each priority's queue grows long and is left with one message, behind which a more urgent one comes.
  for (int priority = 0; priority > -300; --priority) {
    FrameHeader header{.type = 1};
    header.priority = priority;
    for (int i = 0; i < 15'000; ++i) put(header, "");
    drain();
    for (int i = 1; i < 15'000; ++i) ASSERT_TRUE(host.receive_for<coproc::Message>(0s));
  }
  EXPECT_EQ(host.queued(), 300u);
  EXPECT_LT(held(), kMost);
}

TEST_F(OneProcessMemoryHeld, LongNamesAndTypes) {
  for (int i = 0; i < 100'000; ++i) {
    coproc::detail::Buffer bytes;
    coproc::Encoder encoder(bytes, 10'000);
    coproc::detail::ChannelAccess::encode(encoder,
                                          std::to_string(i) + std::string(static_cast<std::size_t>(i) % 4000, 'n'));
    put({.kind = FrameKind::channel}, encoder.written());
    try {
      if (i % 100 == 0) (void)host.available();
    } catch (const coproc::ProtocolError&) {
      break;
    }
    ASSERT_LT(i, 90'000);
  }
  EXPECT_LT(held(), kMost);
}

TEST_F(OneProcessMemoryHeld, ErrorsThatWait) {
  std::string payload;
  const auto append = [&payload](const std::string& part) {
    const std::uint64_t size = part.size();
    payload.append(reinterpret_cast<const char*>(&size), sizeof size).append(part);
  };
  payload.append(8, '\0');  // of no known type
  append(std::string(100'000, 't'));
  append(std::string(100'000, 'w'));
  for (int i = 0; i < 100; ++i) put({.kind = i % 2 == 0 ? FrameKind::error : FrameKind::final_error}, payload);
  drain();
  EXPECT_LT(held(), kMost);
  EXPECT_THROW((void)host.available(), coproc::RemoteError);
}

TEST_F(OneProcessMemoryHeld, RequestsThatNobodyAnswers) {
  bool is_refused = false;
  for (int i = 1; i < 300'000 && !is_refused; ++i) {
    // In no order, so that they go to the table.
    put({.kind = FrameKind::request, .type = 1, .request_id = 0x9e3779b97f4a7c15 * std::uint64_t(i)}, "");
    try {
      if (i % 1000 == 0) receive_all();
    } catch (const coproc::ProtocolError&) {
      is_refused = true;
    }
  }
  EXPECT_TRUE(is_refused);
  EXPECT_LT(held(), kMost);
}
