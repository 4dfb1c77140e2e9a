#include "link/frame.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace coproc::link {
namespace {

std::array<std::byte, 40> record_of(const FrameHeader& header) {
  std::array<std::byte, 40> record{};
  std::memcpy(record.data(), &header, sizeof header);
  return record;
}

TEST(OneProcessFrame, PassesAWellFormedHeader) {
  FrameHeader header;
  header.kind = FrameKind::request;
  header.channel = 3;
  header.request_id = 77;
  header.priority = -1.5;
  const auto record = record_of(header);
  const auto frame = parse_frame(record);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header.request_id, 77u);
  EXPECT_EQ(frame->header.channel, 3u);
  EXPECT_EQ(frame->payload.size(), 8u);
}

TEST(OneProcessFrame, RefusesWhatIsTooShort) {
  const auto record = record_of({});
  for (std::size_t n = 0; n < kHeaderBytes; ++n) EXPECT_FALSE(parse_frame(std::span(record).first(n))) << n;
}

TEST(OneProcessFrame, RefusesUnknownKindsAndFlags) {
  for (int kind = 0; kind < 256; ++kind) {
    FrameHeader header;
    header.kind = static_cast<FrameKind>(kind);
    const auto record = record_of(header);
    const bool is_state = header.kind == FrameKind::state;
    EXPECT_EQ(parse_frame(record).has_value(), (kind >= 1 && kind <= 9) || is_state) << kind;
    EXPECT_EQ(parse_frame(std::span(record).first(kHeaderBytes)).has_value(), (kind >= 1 && kind <= 10) || is_state)
        << kind;
  }
  FrameHeader header;
  header.flags = 8;
  EXPECT_FALSE(parse_frame(record_of(header)));
}

TEST(OneProcessFrame, AnEndHasNoPayload) {
  FrameHeader header;
  header.kind = FrameKind::end;
  header.flags = kAbort;
  const auto record = record_of(header);
  EXPECT_TRUE(parse_frame(std::span(record).first(kHeaderBytes)));
  EXPECT_FALSE(parse_frame(record));
  header.flags = kFirstFragment;
  const auto first = record_of(header);
  EXPECT_FALSE(parse_frame(std::span(first).first(kHeaderBytes)));
}

TEST(OneProcessFrame, OnlyMessagesRequestsAndRepliesCarryLoans) {
  for (int kind = 1; kind <= 10; ++kind) {
    FrameHeader header;
    header.kind = static_cast<FrameKind>(kind);
    header.flags = kCarriesLoans;
    EXPECT_EQ(parse_frame(record_of(header)).has_value(), kind <= 3) << kind;
  }
}

TEST(OneProcessFrame, OnlyRepliesCarryStates) {
  for (int kind = 1; kind <= 15; ++kind) {
    FrameHeader header;
    header.kind = static_cast<FrameKind>(kind);
    header.request_id = 1;
    header.flags = kSavesState;
    EXPECT_EQ(parse_frame(record_of(header)).has_value(), kind == 3) << kind;
    header.flags |= kFirstFragment | kAbort | kCarriesLoans;
    EXPECT_EQ(parse_frame(record_of(header)).has_value(), kind == 3) << kind;
    Frame frame;
    EXPECT_FALSE(parse_plain_frame(record_of(header), frame));
  }
}

TEST(OneProcessFrame, StatesComeInPiecesAndWithoutLoans) {
  FrameHeader header;
  header.kind = FrameKind::state;
  for (int flags = 0; flags < 256; ++flags) {
    header.flags = static_cast<std::uint8_t>(flags);
    EXPECT_EQ(parse_frame(record_of(header)).has_value(), flags <= 3) << flags;
  }
  header.flags = 0;
  header.request_id = 1;
  EXPECT_FALSE(parse_frame(record_of(header)));
}

TEST(OneProcessFrame, RefusesAPriorityThatIsNoNumber) {
  FrameHeader header;
  header.priority = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(parse_frame(record_of(header)));
}

TEST(OneProcessFrame, ASimilarFrameDiffersOnlyInIdPriorityAndPayload) {
  FrameHeader header;
  header.kind = FrameKind::request;
  header.channel = 3;
  header.type = 4;
  header.request_id = 77;
  const auto before = record_of(header);
  Frame frame;
  const auto is_similar = [&](const FrameHeader& next, std::size_t size = 40) {
    EXPECT_TRUE(parse_frame(before, frame));
    const auto record = record_of(next);
    return parse_similar_frame(std::span(record).first(size), frame);
  };
  FrameHeader next = header;
  next.request_id = 5;
  next.priority = -2.5;
  next.rest = -9;
  EXPECT_TRUE(is_similar(next));
  EXPECT_EQ(frame.header.request_id, 5u);
  EXPECT_EQ(frame.header.priority, -2.5);
  EXPECT_EQ(frame.header.rest, -9);
  EXPECT_EQ(frame.header.kind, FrameKind::request);
  EXPECT_EQ(frame.payload.size(), 8u);
  EXPECT_FALSE(is_similar(next, 39));
  const auto differs = [&](auto change) {
    FrameHeader other = header;
    change(other);
    return !is_similar(other);
  };
  EXPECT_TRUE(differs([](FrameHeader& other) { other.kind = FrameKind::reply; }));
  EXPECT_TRUE(differs([](FrameHeader& other) { other.flags = kAbort; }));
  EXPECT_TRUE(differs([](FrameHeader& other) { other.channel = 4; }));
  EXPECT_TRUE(differs([](FrameHeader& other) { other.type = 3; }));
  EXPECT_TRUE(differs([](FrameHeader& other) { other.priority = std::numeric_limits<double>::quiet_NaN(); }));
}

}  // namespace
}  // namespace coproc::link
