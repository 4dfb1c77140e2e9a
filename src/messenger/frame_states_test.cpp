// What a worker saves, and what only looks like it.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "coproc/errors.hpp"
#include "coproc/type_info.hpp"
#include "messenger/frame_reader_for_test.hpp"

namespace coproc::detail {
namespace {

using link::FrameHeader;
using link::FrameKind;
using Bytes = std::vector<std::byte>;

/// Its reader keeps states of up to 1000 bytes.
struct FrameStatesTest : FrameReaderFixture {
  FrameStatesTest() {
    reader.states().keep(1000);
    take(FrameKind::type, sender.encode_declaration(type_info<int>).span());
    channel = &channels.of(kDefaultChannel);
    requests.begin(*channel);
    requests.note_sent(*channel);
  }

  bool take(FrameKind kind, std::span<const std::byte> payload, std::uint8_t flags = 0, std::uint64_t id = 0,
            std::uint32_t type = 1) {
    FrameHeader header;
    header.kind = kind;
    header.flags = flags;
    header.type = type;
    header.request_id = id;
    return reader.take({header, payload});
  }
  bool save(std::size_t bytes, std::byte value = std::byte{1}) { return take(FrameKind::state, Bytes(bytes, value)); }
  static Bytes with_state(std::size_t value, std::size_t state, std::uint64_t stated, std::uint64_t type = 1) {
    Bytes payload(value, std::byte{2});
    payload.resize(value + state, std::byte{3});
    const link::StateTrailer trailer{stated, type};
    const auto* const bytes = reinterpret_cast<const std::byte*>(&trailer);
    payload.insert(payload.end(), bytes, bytes + sizeof trailer);
    return payload;
  }
  std::size_t newest() { return reader.states().newest()->bytes.size(); }

  Channel* channel = nullptr;
};

TEST_F(FrameStatesTest, TheNewestIsKept) {
  EXPECT_EQ(reader.states().newest(), nullptr);
  EXPECT_TRUE(save(3));
  EXPECT_EQ(newest(), 3U);
  EXPECT_TRUE(save(1000));
  EXPECT_EQ(newest(), 1000U);
  EXPECT_TRUE(save(0));
  EXPECT_EQ(newest(), 0U);
  EXPECT_EQ(reader.states().newest()->type->id, type_info<int>.id);
  EXPECT_EQ(inbox.live_count(), 0U);
  EXPECT_EQ(inbox.queued_bytes(), 0U);
}

TEST_F(FrameStatesTest, AreTakenAlsoIfTheInboxIsFull) {
  while (take(FrameKind::message, Bytes(1000))) {}
  EXPECT_TRUE(save(4));
  const Bytes half(400, std::byte{5});
  EXPECT_TRUE(take(FrameKind::state, first_piece(800, half), link::kFirstFragment));
  EXPECT_EQ(newest(), 4U);  // until all of it is there
  EXPECT_TRUE(take(FrameKind::fragment, half));
  EXPECT_EQ(newest(), 800U);
}

TEST_F(FrameStatesTest, ThatWereGivenUpDoNotCount) {
  EXPECT_TRUE(save(4));
  EXPECT_TRUE(take(FrameKind::state, first_piece(800, Bytes(400)), link::kFirstFragment));
  EXPECT_TRUE(take(FrameKind::message, Bytes(4), link::kAbort));
  EXPECT_EQ(newest(), 4U);
}

TEST_F(FrameStatesTest, ThatBreakRulesAreRefusedAndTheOlderOneStays) {
  EXPECT_TRUE(save(4));
  EXPECT_THROW(save(1001), ProtocolError);
  EXPECT_THROW(take(FrameKind::state, first_piece(1001, Bytes(10)), link::kFirstFragment), ProtocolError);
  EXPECT_THROW(take(FrameKind::state, first_piece(5, Bytes(10)), link::kFirstFragment), ProtocolError);
  EXPECT_THROW(take(FrameKind::state, first_piece(~std::uint64_t{0}, Bytes(10)), link::kFirstFragment), ProtocolError);
  EXPECT_THROW(take(FrameKind::state, Bytes(4), 0, 0, 2), ProtocolError);  // a type that was not declared
  EXPECT_THROW(take(FrameKind::state, Bytes(4), 0, 0, 0), ProtocolError);
  EXPECT_TRUE(take(FrameKind::end, {}));
  EXPECT_THROW(save(5), ProtocolError);
  EXPECT_EQ(newest(), 4U);
}

TEST_F(FrameStatesTest, AreRefusedWhereNoneAreKept) {
  reader.states().keep(0);
  EXPECT_THROW(save(0), ProtocolError);
  EXPECT_THROW(take(FrameKind::reply, with_state(1, 1, 1), link::kSavesState, 1), ProtocolError);
  EXPECT_EQ(reader.states().newest(), nullptr);
  EXPECT_EQ(inbox.live_count(), 0U);
}

TEST_F(FrameStatesTest, ComeWithTheirReply) {
  EXPECT_TRUE(take(FrameKind::reply, with_state(500, 200, 200), link::kSavesState, 1));
  EXPECT_EQ(newest(), 200U);
  EXPECT_EQ(reader.states().newest()->bytes.span()[199], std::byte{3});
  Entry* const reply = inbox.find_reply(1);
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->payload.size(), 500U);
  EXPECT_EQ(reply->payload.span()[499], std::byte{2});
  EXPECT_LE(reply->payload.capacity(), 600U);  // the state's memory does not stay with it, where nothing counts it
}

TEST_F(FrameStatesTest, ComeWithTheirReplyInPieces) {
  const Bytes whole = with_state(500, 900, 900);
  const std::span<const std::byte> all(whole);
  EXPECT_TRUE(
      take(FrameKind::reply, first_piece(whole.size(), all.first(600)), link::kSavesState | link::kFirstFragment, 1));
  EXPECT_TRUE(take(FrameKind::fragment, all.subspan(600, 810)));
  EXPECT_EQ(reader.states().newest(), nullptr);
  EXPECT_EQ(inbox.find_reply(1), nullptr);
  EXPECT_TRUE(take(FrameKind::fragment, all.subspan(1410)));
  EXPECT_EQ(newest(), 900U);
  EXPECT_EQ(inbox.find_reply(1)->payload.size(), 500U);
}

TEST_F(FrameStatesTest, AreTakenNeitherWithoutTheirReplyNorItWithoutThem) {
  EXPECT_TRUE(save(4));
  const auto refused = [&](const Bytes& payload, std::uint64_t id) {
    EXPECT_THROW(take(FrameKind::reply, payload, link::kSavesState, id), ProtocolError);
    EXPECT_EQ(newest(), 4U);
    EXPECT_EQ(inbox.live_count(), 0U);
  };
  refused(with_state(10, 10, 10), 2);                 // answers nothing
  refused(with_state(10, 10, 21), 1);                 // longer than the message
  refused(with_state(10, 10, ~std::uint64_t{0}), 1);  //
  refused(with_state(10, 1001, 1001), 1);             // longer than what is kept
  refused(with_state(10, 10, 10, 2), 1);              // of a type that was not declared
  refused(with_state(10, 10, 10, std::uint64_t{1} << 32 | 1), 1);
  refused(Bytes(15), 1);  // no trailer
  EXPECT_TRUE(take(FrameKind::reply, with_state(0, 0, 0), link::kSavesState, 1));
  EXPECT_EQ(newest(), 0U);
}

}  // namespace
}  // namespace coproc::detail
