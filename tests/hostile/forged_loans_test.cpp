// References to loans that no honest sender makes, one by one: each is a ProtocolError, and what can be meant is
// received.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "coproc/coproc.hpp"
#include "hostile/bare_peer.hpp"
#include "link/borrower.hpp"
#include "link/link.hpp"
#include "link/loan_area.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"

using namespace std::chrono_literals;
using coproc::SharedBuffer;
using coproc::link::FrameHeader;
using coproc::link::FrameKind;
using coproc::link::LoanReference;

namespace {

constexpr std::size_t kSpace = 1 << 20;
constexpr std::size_t kMostBytes = 300'000;

/// The peer puts together what it likes.
struct OneProcessForgedLoans : hostile::BarePeer {
  OneProcessForgedLoans() : BarePeer({.max_message_bytes = kMostBytes, .loan_bytes = kSpace}) {}

  std::shared_ptr<coproc::link::LoanArea> loans =
      coproc::detail::MessengerAccess::core(host)->underlying_link().borrower()->area();
  coproc::link::LoanArea& area = *loans;

  void put(FrameHeader header, std::span<const std::byte> payload) {
    ASSERT_TRUE(hostile::put_frame(peer, header, payload));
  }

  /// A SharedBuffer<int>, and whatever follows.
  void send(const std::vector<LoanReference>& references, std::uint64_t elements, std::uint32_t number,
            std::uint32_t count) {
    coproc::detail::Buffer bytes;
    coproc::Encoder encoder(bytes, 10'000);
    coproc::encode(encoder, coproc::type_info<SharedBuffer<int>>.id);
    coproc::encode(encoder, std::string("shared_buffer<int32>"));
    put({.kind = FrameKind::type}, encoder.written());
    coproc::detail::Buffer payload;
    coproc::Encoder value(payload, 10'000);
    coproc::encode(value, elements | coproc::detail::kLentBit);
    coproc::encode(value, number);
    for (const LoanReference& reference : references) value.bytes(&reference, sizeof reference);
    coproc::encode(value, count);
    put({.flags = coproc::link::kCarriesLoans, .type = 1}, value.written());
  }
  void send(LoanReference reference) { send({reference}, reference.bytes / 4, 0, 1); }

  void is_refused() { EXPECT_THROW((void)host.receive_for<SharedBuffer<int>>(0s), coproc::ProtocolError); }
};

constexpr LoanReference kSound{.offset = 8192, .bytes = 400, .slot = 3, .generation = 9};

}  // namespace

TEST_F(OneProcessForgedLoans, ASoundOneIsReceivedAndGoesBack) {
  send(kSound);
  auto buffer = host.receive_for<SharedBuffer<int>>(0s);
  ASSERT_TRUE(buffer);
  EXPECT_EQ(buffer->size(), 100u);
  (*buffer)[99] = 7;
  EXPECT_EQ(reinterpret_cast<const int*>(area.at(8192))[99], 7);
  EXPECT_FALSE(area.is_returned(3, 9));
  buffer.reset();
  EXPECT_TRUE(area.is_returned(3, 9));
}

TEST_F(OneProcessForgedLoans, TheWholeSpaceMayBeMeantAndNoMore) {
  send({.offset = kSpace - 4096, .bytes = 4096, .slot = kSpace / 4096 - 1, .generation = 1});
  EXPECT_EQ(host.receive_for<SharedBuffer<int>>(0s)->size(), 1024u);
  send({.offset = kSpace - 4096, .bytes = 4100, .slot = 0, .generation = 1});
  is_refused();
}

TEST_F(OneProcessForgedLoans, AnOffsetBehindTheSpace) {
  send({.offset = kSpace + 4096, .bytes = 4, .slot = 0, .generation = 1});
  is_refused();
}

TEST_F(OneProcessForgedLoans, AnOffsetThatWrapsAround) {
  send({.offset = ~std::uint64_t{0} - 4095, .bytes = 8192, .slot = 0, .generation = 1});
  is_refused();
}

TEST_F(OneProcessForgedLoans, AnOffsetWithinAPage) {
  send({.offset = 8, .bytes = 4, .slot = 0, .generation = 1});
  is_refused();
}

TEST_F(OneProcessForgedLoans, ASizeThatWrapsAround) {
  send({.offset = 4096, .bytes = ~std::uint64_t{0} - 3, .slot = 0, .generation = 1});
  is_refused();
}

TEST_F(OneProcessForgedLoans, NoBytes) {
  send({.offset = 4096, .bytes = 0, .slot = 0, .generation = 1});
  is_refused();
}

TEST_F(OneProcessForgedLoans, ASlotBehindTheWords) {
  send({.offset = 4096, .bytes = 4, .slot = kSpace / 4096, .generation = 1});
  is_refused();
}

TEST_F(OneProcessForgedLoans, NoGeneration) {
  send({.offset = 4096, .bytes = 4, .slot = 0, .generation = 0});
  is_refused();
}

TEST_F(OneProcessForgedLoans, MoreThanOneMessageMayBe) {
  send({kSound, {.offset = 0, .bytes = kMostBytes - 400, .slot = 0, .generation = 1}}, 100, 0, 2);
  is_refused();
}

TEST_F(OneProcessForgedLoans, NoReferences) {
  send({}, 100, 0, 0);
  is_refused();
}

TEST_F(OneProcessForgedLoans, MoreReferencesThanThePayloadHolds) {
  send({kSound}, 100, 0, 2);
  is_refused();
}

TEST_F(OneProcessForgedLoans, AnErrorWithLoans) {
  put({.kind = FrameKind::error, .flags = coproc::link::kCarriesLoans}, {});
  is_refused();
}

TEST_F(OneProcessForgedLoans, ANumberThatNamesNoneIsADecodeErrorAndTheMessageStays) {
  send({kSound}, 100, 1, 1);
  EXPECT_THROW((void)host.receive_for<SharedBuffer<int>>(0s), coproc::DecodeError);
  EXPECT_FALSE(area.is_returned(3, 9));
  EXPECT_TRUE(host.receive_for(0s)->holds<SharedBuffer<int>>());
  EXPECT_TRUE(area.is_returned(3, 9));
}

TEST_F(OneProcessForgedLoans, AnotherCountThanItsBytesHoldIsADecodeError) {
  for (const std::uint64_t elements : {std::uint64_t{99}, std::uint64_t{101}, (std::uint64_t{1} << 62) + 100}) {
    SCOPED_TRACE(elements);
    send({kSound}, elements, 0, 1);
    EXPECT_THROW((void)host.receive_for<SharedBuffer<int>>(0s), coproc::DecodeError);
    EXPECT_TRUE(host.receive_for(0s));
  }
}

TEST_F(OneProcessForgedLoans, TheSameMemoryTwiceIsTheSendersOwnBusiness) {
  send({kSound, kSound}, 100, 1, 2);
  send(kSound);
  const auto one = host.receive_for<SharedBuffer<int>>(0s), other = host.receive_for<SharedBuffer<int>>(0s);
  EXPECT_EQ(one->data(), other->data());
}
