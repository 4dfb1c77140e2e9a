#include "wire/outbox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wire/contents.hpp"

namespace {

using coproc::wire::FrameType;
using coproc::wire::Header;
using coproc::wire::Outbox;

/// Takes `room` bytes out.
std::string flush(Outbox& outbox, std::size_t room) {
  std::string all;
  outbox.flush([&](std::span<const std::byte> part) {
    const std::size_t taken = std::min(part.size(), room - all.size());
    all.append(reinterpret_cast<const char*>(part.data()), taken);
    return taken;
  });
  return all;
}

/// The types of the whole frames in these bytes, as numbers, and their payloads.
std::string describe(std::string bytes) {
  std::string text;
  while (bytes.size() >= sizeof(Header)) {
    Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    text += std::to_string(static_cast<int>(header.type)) + "(" + bytes.substr(sizeof header, header.length) + ")" +
            std::to_string(header.value) + " ";
    bytes.erase(0, sizeof header + header.length);
  }
  return text + bytes;
}

std::vector<std::byte> payload(std::string_view text) { return coproc::wire::to_payload(text); }

TEST(WireOutbox, ControlGoesBeforeContentsThatHaveNotBegunToLeave) {
  Outbox outbox;
  outbox.put_bulk(FrameType::records, 0, payload("first"));
  outbox.put_bulk(FrameType::records, 0, payload("second"));
  std::string all = flush(outbox, 3);  // a part of the first header
  outbox.put_control(FrameType::credit, 7);
  outbox.put_control(FrameType::close);
  all += flush(outbox, 1000);
  EXPECT_EQ(describe(all), "4(first)0 6()7 7()0 4(second)0 ");
  EXPECT_TRUE(outbox.is_empty());
}

TEST(WireOutbox, OfSignsOfLifeOnlyTheLatestWaits) {
  Outbox outbox;
  outbox.put_bulk(FrameType::records, 0, payload("first"));
  outbox.put_bulk(FrameType::records, 0, payload("second"));
  std::string all = flush(outbox, 3);
  outbox.put_latest(FrameType::ping, 1);
  outbox.put_latest(FrameType::ping, 2);
  outbox.put_control(FrameType::close);
  all += flush(outbox, 1000);
  EXPECT_EQ(describe(all), "4(first)0 7()0 15()2 4(second)0 ");
  outbox.put_latest(FrameType::ping, 3);
  EXPECT_FALSE(outbox.is_empty());
  EXPECT_EQ(describe(flush(outbox, 1000)), "15()3 ");
  EXPECT_TRUE(outbox.is_empty());
}

TEST(WireOutbox, GivesEveryByteOnceHoweverSmallTheRoomIs) {
  Outbox outbox;
  for (int i = 0; i < 20; ++i)
    outbox.put_bulk(FrameType::output, 1, payload(std::string(static_cast<std::size_t>(i + 1), 'x')));
  std::string whole, all;
  for (std::size_t room = 1; !outbox.is_empty(); room = room % 7 + 1) {
    const std::string some = flush(outbox, room);
    EXPECT_EQ(some.size() == room || outbox.is_empty(), true);
    all += some;
  }
  for (int i = 0; i < 20; ++i) whole += "11(" + std::string(static_cast<std::size_t>(i + 1), 'x') + ")1 ";
  EXPECT_EQ(describe(all), whole);
}

TEST(WireOutbox, PutsAHeaderIntoTheRoomBeforeAPayload) {
  Outbox outbox;
  std::vector<std::byte> frame(sizeof(Header) + 3, std::byte{'x'});
  outbox.put_bulk(FrameType::records, 0, std::as_bytes(std::span("ab", 2)));
  outbox.put_bulk_in_place(FrameType::records, std::move(frame));
  EXPECT_EQ(outbox.bulk_bytes(), 2 * sizeof(Header) + 5);
  const std::string type = std::to_string(static_cast<int>(FrameType::records));
  EXPECT_EQ(describe(flush(outbox, 1000)), type + "(ab)0 " + type + "(xxx)0 ");
}

TEST(WireOutbox, CountsTheContentsThatWait) {
  Outbox outbox;
  EXPECT_TRUE(outbox.is_empty());
  outbox.put_control(FrameType::close);
  EXPECT_TRUE(outbox.has_control());
  EXPECT_EQ(outbox.bulk_bytes(), 0u);
  outbox.put_bulk(FrameType::records, 0, payload("12345"));
  EXPECT_EQ(outbox.bulk_bytes(), sizeof(Header) + 5);
  EXPECT_FALSE(outbox.is_empty());
  (void)flush(outbox, sizeof(Header));  // the control frame
  EXPECT_FALSE(outbox.has_control());
  (void)flush(outbox, 1000);
  EXPECT_EQ(outbox.bulk_bytes(), 0u);
  EXPECT_TRUE(outbox.is_empty());
}

}  // namespace
