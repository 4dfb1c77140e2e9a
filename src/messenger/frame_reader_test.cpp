#include "messenger/frame_reader.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "messenger/frame_reader_for_test.hpp"

namespace coproc::detail {
namespace {

using link::FrameHeader;
using link::FrameKind;

struct FrameReaderTest : FrameReaderFixture {
  FrameReaderTest() { take(FrameKind::type, sender.encode_declaration(type_info<int>).span()); }

  static FrameHeader header_of(FrameKind kind, std::uint64_t id = 0, std::uint8_t flags = 0) {
    FrameHeader header;
    header.kind = kind;
    header.flags = flags;
    header.type = 1;
    header.request_id = id;
    return header;
  }
  bool take(const FrameHeader& header, std::span<const std::byte> payload) { return reader.take({header, payload}); }
  bool take(FrameKind kind, std::span<const std::byte> payload) { return take(header_of(kind), payload); }
  bool take(const FrameHeader& header, std::size_t bytes) {
    const std::vector<std::byte> payload(bytes);
    return take(header, std::span(payload));
  }
  bool begin(std::uint64_t total, std::size_t bytes) {
    const std::vector<std::byte> piece = first_piece(total, std::vector(bytes, std::byte{1}));
    return take(header_of(FrameKind::message, 0, link::kFirstFragment), std::span(piece));
  }
  static Buffer error_of(const std::string& text) {
    Buffer payload;
    try {
      throw std::runtime_error(text);
    } catch (...) {
      encode_current_exception(payload, kMost);
    }
    return payload;
  }
};

TEST_F(FrameReaderTest, MessagesGoToTheInboxInTheirOrder) {
  EXPECT_TRUE(take(header_of(FrameKind::message), 3));
  EXPECT_TRUE(take(header_of(FrameKind::request, 9), 4));
  ASSERT_EQ(inbox.live_count(0), 2u);
  const EntryPtr first = inbox.take_front(*inbox.front(0)), second = inbox.take_front(*inbox.front(0));
  EXPECT_EQ(first->payload.size(), 3u);
  EXPECT_EQ(second->request_id, 9u);
  EXPECT_LT(first->sequence, second->sequence);
  EXPECT_TRUE(reader.is_clear());
}

TEST_F(FrameReaderTest, PiecesBecomeOneMessage) {
  EXPECT_TRUE(begin(1000, 400));
  EXPECT_FALSE(reader.is_clear());
  EXPECT_EQ(inbox.live_count(), 0u);
  EXPECT_TRUE(take(header_of(FrameKind::fragment), 599));
  EXPECT_TRUE(take(header_of(FrameKind::fragment), 1));
  EXPECT_TRUE(reader.is_clear());
  ASSERT_EQ(inbox.live_count(), 1u);
  EXPECT_EQ(inbox.front(0)->payload.size(), 1000u);
}

TEST_F(FrameReaderTest, AnAbortDropsThePiecesThatCameBefore) {
  EXPECT_TRUE(begin(1000, 400));
  EXPECT_TRUE(take(header_of(FrameKind::message, 0, link::kAbort), 5));
  EXPECT_TRUE(reader.is_clear());
  ASSERT_EQ(inbox.live_count(), 1u);
  EXPECT_EQ(inbox.front(0)->payload.size(), 5u);
}

TEST_F(FrameReaderTest, AMessageForWhichTheInboxHasNoRoomCanBeTakenLater) {
  EXPECT_TRUE(take(header_of(FrameKind::message), 4000));
  EXPECT_FALSE(take(header_of(FrameKind::message), 4000));
  EXPECT_FALSE(begin(4000, 100));
  EXPECT_TRUE(reader.is_clear());
  inbox.take_front(*inbox.front(0));
  EXPECT_TRUE(take(header_of(FrameKind::message), 4000));
}

TEST_F(FrameReaderTest, ImpossibleSequencesBreakTheRules) {
  EXPECT_THROW(take(header_of(FrameKind::fragment), 1), ProtocolError);
  EXPECT_THROW(begin(10, 11), ProtocolError);
  EXPECT_THROW(begin(kMost + 1, 1), ProtocolError);
  EXPECT_THROW(take(header_of(FrameKind::message, 0, link::kFirstFragment), 7), ProtocolError);
  EXPECT_TRUE(begin(10, 5));
  EXPECT_THROW(begin(10, 5), ProtocolError);
  EXPECT_THROW(take(header_of(FrameKind::fragment), std::size_t{0}), ProtocolError);
  EXPECT_THROW(take(header_of(FrameKind::fragment), 6), ProtocolError);
  EXPECT_TRUE(take(header_of(FrameKind::fragment), 5));
}

TEST_F(FrameReaderTest, FramesWithUndeclaredNamesBreakTheRules) {
  FrameHeader header = header_of(FrameKind::message);
  header.channel = 1;
  EXPECT_THROW(take(header, 1), ProtocolError);
  header = header_of(FrameKind::message);
  header.type = 2;
  EXPECT_THROW(take(header, 1), ProtocolError);
  EXPECT_THROW(take(header_of(FrameKind::request, 0), 1), ProtocolError);
  EXPECT_THROW(take(header_of(FrameKind::message), kMost + 1), ProtocolError);
  EXPECT_THROW(take(header_of(FrameKind::message, 0, link::kCarriesLoans), 100), ProtocolError);
  EXPECT_EQ(inbox.live_count(), 0u);
}

TEST_F(FrameReaderTest, EachRequestIsAnsweredOnce) {
  EXPECT_THROW(take(header_of(FrameKind::reply, 1), 4), ProtocolError);  // no such request was sent
  requests.begin(channels.at(0));
  requests.note_sent(channels.at(0));
  EXPECT_TRUE(take(header_of(FrameKind::reply, 1), 4));
  EXPECT_THROW(take(header_of(FrameKind::reply, 1), 4), ProtocolError);
  EXPECT_TRUE(take(header_of(FrameKind::reply, 0), 4));  // a reply to no request is valid, like a message
  EXPECT_THROW(take(header_of(FrameKind::error_reply, 0), 4), ProtocolError);
}

TEST_F(FrameReaderTest, AReplyThatIsNotWantedIsDroppedOnce) {
  requests.begin(channels.at(0));
  requests.note_sent(channels.at(0));
  requests.note_unwanted(channels.at(0), 1);
  EXPECT_TRUE(take(header_of(FrameKind::reply, 1), 4));
  EXPECT_EQ(inbox.live_count(), 0u);
  EXPECT_TRUE(reader.is_clear());
  EXPECT_THROW(take(header_of(FrameKind::reply, 1), 4), ProtocolError);
}

TEST_F(FrameReaderTest, APeerCannotMakeThisEndKeepAnyNumberOfRequests) {
  for (std::uint64_t id = 1; id <= 2; ++id) requests.note_returned_request(channels.at(0), id);
  EXPECT_THROW(take(header_of(FrameKind::request, 3), 1), ProtocolError);
  requests.note_answered(channels.at(0), 1);
  EXPECT_TRUE(take(header_of(FrameKind::request, 3), 1));
}

TEST_F(FrameReaderTest, ErrorsAreHeldInTheirOrderAndCounted) {
  EXPECT_TRUE(take(FrameKind::error, error_of("first").span()));
  EXPECT_TRUE(take(FrameKind::error, error_of("second").span()));
  ASSERT_TRUE(reader.holds_error());
  EXPECT_FALSE(reader.is_clear());
  EXPECT_GT(inbox.queued_bytes(), 2 * Inbox::kEntryBytes);
  const std::uint64_t sequence = reader.error_sequence();
  for (const char* const text : {"first", "second"}) {
    try {
      std::rethrow_exception(reader.take_error());
    } catch (const std::exception& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }
  EXPECT_EQ(reader.next_sequence(), sequence + 2);
  EXPECT_TRUE(reader.is_clear());
  EXPECT_EQ(inbox.queued_bytes(), 0u);
  EXPECT_FALSE(last_words.has_error());
}

TEST_F(FrameReaderTest, TheErrorThatEndedThePeersTargetIsKept) {
  EXPECT_TRUE(take(FrameKind::final_error, error_of("no such file").span()));
  EXPECT_TRUE(last_words.has_error());
  EXPECT_NE(last_words.error().second.find("no such file"), std::string::npos);
  EXPECT_TRUE(reader.holds_error());
}

TEST_F(FrameReaderTest, AnErrorThatCannotBeReadIsStillAnError) {
  EXPECT_TRUE(take(header_of(FrameKind::error), 3));
  EXPECT_THROW(std::rethrow_exception(reader.take_error()), RemoteError);
}

TEST_F(FrameReaderTest, AfterTheEndOnlyTheFinalErrorMayFollow) {
  EXPECT_FALSE(reader.end_received());
  EXPECT_TRUE(take(FrameKind::end, {}));
  EXPECT_TRUE(reader.end_received());
  EXPECT_THROW(take(header_of(FrameKind::message), 1), ProtocolError);
  EXPECT_THROW(begin(10, 5), ProtocolError);
  EXPECT_THROW(take(FrameKind::error, error_of("late").span()), ProtocolError);
  EXPECT_THROW(take(FrameKind::end, {}), ProtocolError);
  EXPECT_TRUE(take(FrameKind::final_error, error_of("last").span()));
}

}  // namespace
}  // namespace coproc::detail
