#include "messenger/frame_writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace coproc::detail {
namespace {

using link::Frame;
using link::FrameHeader;
using link::FrameKind;

FrameHeader header_of(FrameKind kind, Priority priority = {}) {
  FrameHeader header;
  header.kind = kind;
  header.priority = priority.value();
  header.rest = priority.rest();
  return header;
}

/// A writer without a link: the tests read what it has written into `room`.
struct FrameWriterTest : ::testing::Test {
  Frame write(const FrameHeader& header, std::size_t payload = 0) {
    const std::size_t length = writer.write_header(room.data(), header, payload);
    EXPECT_EQ(length, link::kHeaderBytes + payload);
    Frame frame;
    EXPECT_TRUE(link::parse_frame(std::span(room).first(length), frame));
    return frame;
  }
  /// Whether a message overtakes those that were written before it. Each test begins with nothing published.
  bool overtakes(const FrameHeader& header) {
    write(header);
    return writer.overtakes();
  }

  FrameWriter writer;
  std::array<std::byte, 4096> room{};
};

TEST_F(FrameWriterTest, TheHeaderHasTheGivenFieldsAndTheLength) {
  FrameHeader header = header_of(FrameKind::request, 5);
  header.channel = 3;
  header.type = 4;
  header.request_id = 9;
  const Frame frame = write(header, 100);
  EXPECT_EQ(frame.header.kind, FrameKind::request);
  EXPECT_EQ(frame.header.flags, 0);
  EXPECT_EQ(frame.header.channel, 3u);
  EXPECT_EQ(frame.header.type, 4u);
  EXPECT_EQ(frame.header.request_id, 9u);
  EXPECT_EQ(frame.header.priority, 5.0);
  EXPECT_EQ(frame.payload.size(), 100u);
}

TEST_F(FrameWriterTest, AnAbortGoesOutOnceWithTheNextFrame) {
  writer.abort_message();
  EXPECT_EQ(write(header_of(FrameKind::message)).header.flags, link::kAbort);
  EXPECT_EQ(write(header_of(FrameKind::message)).header.flags, 0);
}

TEST_F(FrameWriterTest, AMessageOvertakesThoseThatAreLessUrgent) {
  EXPECT_FALSE(overtakes(header_of(FrameKind::message, 1)));
  EXPECT_FALSE(overtakes(header_of(FrameKind::message, 1)));
  EXPECT_FALSE(overtakes(header_of(FrameKind::reply, 2)));
  EXPECT_TRUE(overtakes(header_of(FrameKind::message, 1)));
}

TEST_F(FrameWriterTest, TheRestOfAPriorityCounts) {
  const std::int64_t large = (std::int64_t{1} << 60) + 1;
  EXPECT_FALSE(overtakes(header_of(FrameKind::message, large)));
  EXPECT_TRUE(overtakes(header_of(FrameKind::message, large - 1)));
}

TEST_F(FrameWriterTest, AnErrorOvertakesEverythingAndAPieceNothing) {
  EXPECT_FALSE(overtakes(header_of(FrameKind::message, 7)));
  EXPECT_FALSE(overtakes(header_of(FrameKind::fragment, 1)));
  EXPECT_FALSE(overtakes(header_of(FrameKind::type, 1)));
  EXPECT_TRUE(overtakes(header_of(FrameKind::error, 7)));
}

TEST_F(FrameWriterTest, BothWaysToWriteAValueAreTheSame) {
  const auto write_both = [](std::vector<int> priorities) -> bool {
    FrameWriter general, of_values;
    std::vector<bool> one, two;
    std::array<std::byte, 64> place{};
    for (const int priority : priorities) {
      general.write_header(place.data(), header_of(FrameKind::message, priority), 8);
      of_values.write_value_header(place.data(), header_of(FrameKind::message, priority), priority, 8);
      one.push_back(general.overtakes());
      two.push_back(of_values.overtakes());
    }
    EXPECT_EQ(one, two);
    return one.back();
  };
  EXPECT_FALSE(write_both({1, 1, 2, 3}));
  EXPECT_TRUE(write_both({1, 3, 2}));
}

TEST_F(FrameWriterTest, TheRestOfAMessageIsCutIntoPieces) {
  Buffer scratch;
  const std::vector<std::byte> payload(1000);
  scratch.append(payload.data(), payload.size());
  EXPECT_FALSE(writer.has_rest());
  writer.keep_rest(scratch.span().subspan(400), scratch);
  EXPECT_TRUE(writer.has_rest());
  EXPECT_EQ(scratch.size(), 0u) << "the memory is taken over";
  EXPECT_EQ(writer.next_piece(4096), link::kHeaderBytes + 600);
  EXPECT_EQ(writer.next_piece(512), 512u);
}

TEST_F(FrameWriterTest, ARestThatIsNotInTheScratchIsCopied) {
  Buffer scratch;
  std::vector<std::byte> payload(100);
  writer.keep_rest(payload, scratch);
  payload = {};
  EXPECT_EQ(writer.next_piece(4096), link::kHeaderBytes + 100);
}

}  // namespace
}  // namespace coproc::detail
