#include "messenger/streams.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace coproc::detail {
namespace {

struct OneProcessStreamBooks : testing::Test {
  Inbox inbox{true, 1 << 20};
  Streams streams;

  EntryPtr part(std::size_t bytes) {
    EntryPtr entry = inbox.make_entry();
    entry->kind = link::FrameKind::part;
    entry->request_id = 7;
    entry->payload.resize_uninitialized(bytes);
    return entry;
  }
};

TEST_F(OneProcessStreamBooks, CreditIsOwedForHalfAWindow) {
  streams.begin(7, 3, 1000);
  Streams::Reading& stream = *streams.reading(7);
  for (int i = 0; i < 4; ++i) {
    EntryPtr entry = part(40);
    streams.put(stream, entry, false);
    EXPECT_EQ(entry, nullptr);
  }
  EXPECT_EQ(stream.unpaid, 800u);
  EXPECT_EQ(streams.unread(), 4u);
  for (int i = 0; i < 2; ++i) {
    const EntryPtr taken = streams.take(stream);
    EXPECT_EQ(taken->request_id, 0u);
    EXPECT_EQ(taken->kind, link::FrameKind::reply);
    EXPECT_FALSE(streams.owes());
  }
  streams.take(stream);
  EXPECT_TRUE(streams.owes());
  EXPECT_TRUE(stream.owes_credit());
  EXPECT_EQ(stream.due, 600u);
  EXPECT_EQ(streams.unread(), 1u);
}

TEST_F(OneProcessStreamBooks, NoCreditIsOwedOnceTheEndIsThere) {
  streams.begin(7, 3, 1);
  Streams::Reading& stream = *streams.reading(7);
  EntryPtr entry = part(1), end = part(0);
  end->kind = link::FrameKind::error_reply;
  streams.put(stream, entry, false);
  streams.put(stream, end, true);
  streams.take(stream);
  EXPECT_FALSE(streams.owes());
  EXPECT_EQ(streams.take(stream)->kind, link::FrameKind::error_reply);
  EXPECT_EQ(streams.unread(), 0u);
}

TEST_F(OneProcessStreamBooks, PartsOfACancelledStreamStayWithTheCaller) {
  streams.begin(7, 3, 100);
  Streams::Reading& stream = *streams.reading(7);
  stream.is_cancelled = true;
  EntryPtr entry = part(1);
  streams.put(stream, entry, false);
  EXPECT_NE(entry, nullptr);
  EXPECT_EQ(stream.unpaid, 161u);
  EXPECT_EQ(streams.unread(), 0u);
  streams.begin(8, 3, 100);
  std::vector<RequestId> ids;
  streams.append_without_end(ids);
  EXPECT_EQ(ids, std::vector{RequestId{8}});
}

TEST_F(OneProcessStreamBooks, AnIdIsThatOfOneStreamAtATime) {
  EXPECT_TRUE(streams.open(5, 10));
  EXPECT_FALSE(streams.open(5, 20));
  streams.answering(5)->unpaid = 9;
  EXPECT_TRUE(streams.answering(5)->has_credit());
  streams.answering(5)->unpaid = 10;
  EXPECT_FALSE(streams.answering(5)->has_credit());
  streams.close(5);
  EXPECT_EQ(streams.answering(5), nullptr);
  EXPECT_TRUE(streams.open(5, 20));
}

}  // namespace
}  // namespace coproc::detail
