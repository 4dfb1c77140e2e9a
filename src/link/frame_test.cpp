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
    EXPECT_EQ(parse_frame(record).has_value(), kind >= 1 && kind <= 9) << kind;
    EXPECT_EQ(parse_frame(std::span(record).first(kHeaderBytes)).has_value(), kind >= 1 && kind <= 10) << kind;
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

TEST(OneProcessFrame, RefusesAPriorityThatIsNoNumber) {
  FrameHeader header;
  header.priority = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(parse_frame(record_of(header)));
}

}  // namespace
}  // namespace coproc::link
