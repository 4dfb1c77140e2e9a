#include "messenger/inbox.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

namespace coproc::detail {
namespace {

using link::FrameKind;

class InboxTest : public ::testing::Test {
 protected:
  explicit InboxTest(bool reorders = true) : inbox_(reorders, 2000) {}

  void put(FrameKind kind, std::uint32_t channel, std::uint64_t id, int priority = 0, std::size_t bytes = 0) {
    EntryPtr entry = inbox_.make_entry();
    entry->kind = kind;
    entry->channel = channel;
    entry->request_id = id;
    entry->priority = Priority(priority);
    entry->sequence = next_sequence_++;
    entry->payload.resize_uninitialized(bytes);
    inbox_.put(entry);
  }
  void put_first(FrameKind kind, std::uint32_t channel, std::uint64_t id, int priority = 0) {
    EntryPtr entry = inbox_.make_entry();
    entry->kind = kind;
    entry->channel = channel;
    entry->request_id = id;
    entry->priority = Priority(priority);
    entry->sequence = --first_sequence_;
    inbox_.put_first(entry);
  }
  /// Takes out the front. Returns its request id, or 0 if there is no entry.
  std::uint64_t take(std::uint32_t channel, bool replies_only = false) {
    Entry* const front = inbox_.front(channel, replies_only);
    return front == nullptr ? 0 : inbox_.take_front(*front)->request_id;
  }

  Inbox inbox_;
  std::uint64_t next_sequence_ = 1000;
  std::uint64_t first_sequence_ = 1000;
};

class InboxInOrderTest : public InboxTest {
 protected:
  InboxInOrderTest() : InboxTest(false) {}
};

TEST_F(InboxTest, LowerPrioritiesComeFirstAndEqualOnesInTheirOrder) {
  put(FrameKind::message, 0, 1, 5);
  put(FrameKind::reply, 0, 2, 5);
  put(FrameKind::message, 0, 3, 5);
  put(FrameKind::message, 0, 4, -1);
  for (const std::uint64_t id : {4u, 1u, 2u, 3u, 0u}) EXPECT_EQ(take(0), id);
}

TEST_F(InboxInOrderTest, EntriesKeepTheOrderOfTheirArrival) {
  put(FrameKind::message, 0, 1, 5);
  put(FrameKind::reply, 0, 2, -5);
  put(FrameKind::message, 0, 3, 1);
  for (const std::uint64_t id : {1u, 2u, 3u, 0u}) EXPECT_EQ(take(0), id);
}

TEST_F(InboxTest, AnEntryThatIsPutFirstIsTheFirstOfItsPriority) {
  put(FrameKind::message, 0, 1, 5);
  put(FrameKind::message, 0, 2, 1);
  put_first(FrameKind::message, 0, 3, 5);
  put_first(FrameKind::reply, 0, 4, 5);
  EXPECT_EQ(inbox_.live_count(0), 4u);
  for (const std::uint64_t id : {2u, 4u, 3u, 1u, 0u}) EXPECT_EQ(take(0), id);
}

TEST_F(InboxInOrderTest, AnEntryThatIsPutFirstIsTheFirstOfAll) {
  put(FrameKind::message, 0, 1, 1);
  put_first(FrameKind::message, 0, 3, 5);
  put_first(FrameKind::reply, 0, 2, 5);
  EXPECT_EQ(inbox_.find_reply(2)->request_id, 2u);
  for (const std::uint64_t id : {2u, 3u, 1u, 0u}) EXPECT_EQ(take(0), id);
}

TEST_F(InboxTest, ChannelsDoNotSeeEachOther) {
  put(FrameKind::message, 3, 1);
  put(FrameKind::message, 3, 2);
  put(FrameKind::message, 1, 3);
  EXPECT_EQ(inbox_.live_count(), 3u);
  EXPECT_EQ(inbox_.live_count(3), 2u);
  EXPECT_EQ(inbox_.live_count(1), 1u);
  EXPECT_EQ(inbox_.live_count(2), 0u);
  EXPECT_EQ(inbox_.live_count(1000), 0u);
  EXPECT_EQ(inbox_.front(1000), nullptr);
  EXPECT_EQ(inbox_.fullest(), 3u);
  EXPECT_EQ(take(1), 3u);
  EXPECT_FALSE(inbox_.has_any_of(1));
  EXPECT_TRUE(inbox_.has_any_of(3));
}

TEST_F(InboxTest, AReplyIsFoundByItsIdAndTakenOutOfTurn) {
  for (std::uint64_t id = 1; id <= 100; ++id) put(FrameKind::reply, 0, id);
  for (std::uint64_t id = 99; id > 1; --id) {
    Entry* const reply = inbox_.find_reply(id);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(inbox_.take_reply(*reply)->request_id, id);
    EXPECT_EQ(inbox_.find_reply(id), nullptr);
  }
  EXPECT_EQ(inbox_.live_count(0), 2u);
  EXPECT_EQ(take(0), 1u);
  EXPECT_EQ(take(0, true), 100u);
  EXPECT_EQ(take(0), 0u);
  EXPECT_EQ(inbox_.live_count(), 0u);
  EXPECT_EQ(inbox_.queued_bytes(), 0u);
}

TEST_F(InboxTest, RepliesArePickedFromBehindOtherMessages) {
  put(FrameKind::message, 0, 1);
  put(FrameKind::error_reply, 0, 2);
  EXPECT_EQ(take(0, true), 2u);
  EXPECT_EQ(take(0, true), 0u);
  EXPECT_EQ(take(0), 1u);
}

TEST_F(InboxTest, ItsBytesAreBoundedButOneMessageAlwaysFits) {
  EXPECT_FALSE(inbox_.is_full_for(1000000));
  put(FrameKind::message, 0, 1, 0, 1000);
  EXPECT_EQ(inbox_.queued_bytes(), 1000 + Inbox::kEntryBytes);
  EXPECT_FALSE(inbox_.is_full_for(500));
  EXPECT_TRUE(inbox_.is_full_for(1000));
  inbox_.charge(500);  // as for a held error
  EXPECT_TRUE(inbox_.is_full_for(100));
  inbox_.discharge(500);
  EXPECT_EQ(take(0), 1u);
  EXPECT_EQ(inbox_.queued_bytes(), 0u);
}

}  // namespace
}  // namespace coproc::detail
