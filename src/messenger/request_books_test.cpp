#include "messenger/request_books.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace coproc::detail {
namespace {

struct RequestBooksTest : ::testing::Test {
  Channels channels;
  Channel& one = channels.of(1);
  Channel& two = channels.of(2);
  RequestBooks books{10, 3};

  std::uint64_t send(Channel& channel) {
    const std::uint64_t id = books.next_id();
    books.begin(channel);
    books.note_sent(channel);
    return id;
  }
};

TEST_F(RequestBooksTest, AReplyIsExpectedOnItsChannelAndOnce) {
  const std::uint64_t id = send(one);
  EXPECT_EQ(id, 10u);
  EXPECT_TRUE(books.expects(id, one));
  EXPECT_FALSE(books.expects(id, two));
  EXPECT_FALSE(books.expects(id + 1, one));
  ASSERT_NE(books.channel_of(id), nullptr);
  EXPECT_EQ(*books.channel_of(id), one.index);
  EXPECT_EQ(one.counts.remaining(), 1u);
  books.note_returned_reply(one, id);
  EXPECT_FALSE(books.expects(id, one));
  EXPECT_EQ(one.counts.remaining(), 0u);
  books.note_returned_reply(one, id);  // the request is not open
  EXPECT_EQ(one.counts.replies, 1u);
}

TEST_F(RequestBooksTest, AnUnwantedReplyIsExpectedByNobodyButMayCome) {
  const std::uint64_t id = send(one);
  const std::uint64_t other = send(one);
  books.note_unwanted(one, id);
  EXPECT_FALSE(books.expects(id, one));
  EXPECT_EQ(books.channel_of(id), nullptr);
  EXPECT_TRUE(books.is_unwanted(id, one));
  EXPECT_FALSE(books.is_unwanted(id, two));
  EXPECT_FALSE(books.is_unwanted(other, one));
  EXPECT_EQ(one.counts.remaining(), 1u);
  EXPECT_EQ(books.without_reply(), std::vector{RequestId{other}});
  books.note_dropped(id);
  EXPECT_FALSE(books.is_unwanted(id, one));
}

TEST_F(RequestBooksTest, AReplyMayComeBeforeTheSendHasReturned) {
  books.begin(one);
  EXPECT_TRUE(books.expects(10, one));
  EXPECT_TRUE(books.without_reply().empty());
  books.note_sent(one);
  EXPECT_EQ(books.without_reply(), std::vector{RequestId{10}});
}

TEST_F(RequestBooksTest, ARequestThatWasNotSentHasNoId) {
  books.begin(one);
  books.give_up();
  EXPECT_FALSE(books.expects(10, one));
  EXPECT_EQ(books.next_id(), 10u);
  EXPECT_EQ(one.counts.requests, 0u);
  EXPECT_EQ(send(two), 10u);
}

TEST_F(RequestBooksTest, ManyRequestsAreNotedAtOnce) {
  books.note_all_sent(one, 300);
  books.note_all_sent(two, 2);
  EXPECT_EQ(books.next_id(), 312u);
  EXPECT_EQ(one.counts.requests, 300u);
  EXPECT_TRUE(books.expects(10, one));
  EXPECT_TRUE(books.expects(309, one));
  EXPECT_TRUE(books.expects(310, two));
  EXPECT_EQ(books.without_reply().size(), 302u);
}

TEST_F(RequestBooksTest, ASecondReplyIsRejectedWhileTheFirstIsBeingReceived) {
  books.note_all_sent(one, 4);
  EXPECT_TRUE(books.begin_together(true, 11));
  EXPECT_TRUE(books.begin_together(true, 12));
  EXPECT_FALSE(books.begin_together(true, 11));  // of the same run of ids
  EXPECT_TRUE(books.begin_together(true, 10));
  EXPECT_FALSE(books.expects(11, one));  // of an earlier run
  EXPECT_FALSE(books.expects(12, one));
  EXPECT_TRUE(books.begin_together(true, 0));  // a reply to no request
  EXPECT_TRUE(books.begin_together(true, 0));
  books.cancel_together();
  for (std::uint64_t id = 10; id < 14; ++id) EXPECT_TRUE(books.expects(id, one)) << id;
}

TEST_F(RequestBooksTest, RequestsAndRepliesAreReceivedTogether) {
  books.note_all_sent(one, 3);
  for (const std::uint64_t id : {12u, 10u, 11u}) EXPECT_TRUE(books.begin_together(true, id));
  for (const std::uint64_t id : {70u, 71u, 5u}) EXPECT_TRUE(books.begin_together(false, id));
  EXPECT_EQ(books.to_answer(), 0u);
  books.note_returned_together(one);
  EXPECT_EQ(one.counts.replies, 3u);
  EXPECT_TRUE(books.without_reply().empty());
  EXPECT_EQ(one.to_answer.count, 3u);
  EXPECT_EQ(books.oldest_to_answer(one), 70u);
  books.note_answered(one, 70);
  books.note_answered(one, 71);
  EXPECT_EQ(books.oldest_to_answer(one), 5u);
  EXPECT_TRUE(books.begin_together(false, 1));  // nothing is left of the last time
  EXPECT_TRUE(books.begin_together(false, 2));
}

TEST_F(RequestBooksTest, RequestsThatAreReceivedTogetherAreBoundedLikeOthers) {
  books.note_returned_request(one, 1);
  EXPECT_TRUE(books.begin_together(false, 2));
  EXPECT_TRUE(books.begin_together(false, 3));
  EXPECT_FALSE(books.begin_together(false, 4));
  books.cancel_together();
  EXPECT_EQ(books.to_answer(), 1u);
  EXPECT_TRUE(books.begin_together(false, 2));
}

TEST_F(RequestBooksTest, RequestsWithoutAReplyAreListedInTheOrderOfTheirSends) {
  for (int i = 0; i < 300; ++i) send(i % 2 == 0 ? one : two);
  for (std::uint64_t id = 10; id < 310; ++id) {
    if (id % 100 != 7) books.note_returned_reply(id % 2 == 0 ? one : two, id);
  }
  EXPECT_EQ(books.without_reply(), (std::vector{RequestId{107}, RequestId{207}, RequestId{307}}));
}

TEST_F(RequestBooksTest, TheOldestRequestOfItsChannelIsAnsweredFirst) {
  books.note_returned_request(one, 5);
  books.note_returned_request(two, 6);
  books.note_returned_request(one, 4);
  EXPECT_FALSE(books.has_room_for(1));
  EXPECT_EQ(books.oldest_to_answer(one), 5u);
  EXPECT_EQ(books.oldest_to_answer(two), 6u);
  books.note_answered(one, 5);
  EXPECT_EQ(books.oldest_to_answer(one), 4u);
  EXPECT_TRUE(books.has_room_for(1));
  books.note_answered(one, 4);
  EXPECT_EQ(books.oldest_to_answer(one), 0u);
  EXPECT_EQ(books.to_answer(), 1u);
}

TEST_F(RequestBooksTest, AnswersOutOfTurnArePassedOverAndForgotten) {
  for (std::uint64_t id = 1; id <= 1000; ++id) books.note_returned_request(one, id);
  for (std::uint64_t id = 2; id < 1000; ++id) books.note_answered(one, id);
  EXPECT_EQ(one.to_answer.count, 2u);
  EXPECT_LE(one.to_answer.ids.size(), 20u);
  EXPECT_EQ(books.oldest_to_answer(one), 1u);
  books.note_answered(one, 1);
  EXPECT_EQ(books.oldest_to_answer(one), 1000u);
}

TEST_F(RequestBooksTest, AnIdThatThePeerUsesTwiceIsAnsweredOnce) {
  books.note_returned_request(one, 5);
  books.note_returned_request(one, 5);
  EXPECT_EQ(books.to_answer(), 1u);
  books.note_answered(one, 5);
  books.note_answered(one, 5);
  EXPECT_EQ(books.to_answer(), 0u);
  EXPECT_EQ(one.to_answer.count, 0u);
  EXPECT_EQ(books.oldest_to_answer(one), 0u);
}

TEST_F(RequestBooksTest, ARequestThatIsPutBackWaitsForNoAnswerUntilItIsReturnedAgain) {
  for (const std::uint64_t id : {1u, 2u, 3u}) books.note_returned_request(one, id);
  books.take_back_request(one, 3);
  EXPECT_TRUE(books.has_room_for(1));
  books.take_back_request(one, 1);
  EXPECT_FALSE(books.is_to_answer(1));
  EXPECT_EQ(one.to_answer.count, 1u);
  EXPECT_EQ(books.oldest_to_answer(one), 2u);
  books.note_returned_request(one, 1);
  EXPECT_EQ(books.oldest_to_answer(one), 2u);  // in the order of the returns to the user
  books.note_answered(one, 2);
  EXPECT_EQ(books.oldest_to_answer(one), 1u);
}

TEST_F(RequestBooksTest, ARequestOfTwoChannelsCanBePutBackOnTheWrongOne) {
  books.note_returned_request(one, 5);
  books.note_returned_request(two, 5);  // the peer uses an id twice
  books.take_back_request(two, 5);
  EXPECT_EQ(books.to_answer(), 0u);
  EXPECT_EQ(books.oldest_to_answer(one), 0u);
}

TEST_F(RequestBooksTest, IdsContinueThoseOfAnEarlierLink) {
  books.continue_from(25);
  EXPECT_EQ(send(one), 25u);
  books.continue_from(3);
  EXPECT_EQ(send(one), 26u);
}

TEST_F(RequestBooksTest, ARequestOfAnEarlierLinkIsExpectedLikeItsOwn) {
  books.expect_earlier(one, 7);
  EXPECT_TRUE(books.expects(7, one));
  EXPECT_FALSE(books.expects(7, two));
  EXPECT_EQ(one.counts.remaining(), 1u);
  books.note_returned_reply(one, 7);
  EXPECT_EQ(one.counts.remaining(), 0u);
  EXPECT_EQ(send(one), 10u);
}

TEST_F(RequestBooksTest, AReplyThatIsPutBackIsExpectedAgain) {
  const std::uint64_t id = send(one);
  books.note_returned_reply(one, id);
  books.take_back_reply(one, id);
  EXPECT_TRUE(books.expects(id, one));
  EXPECT_EQ(one.counts.remaining(), 1u);
  books.note_returned_reply(one, id);
  EXPECT_EQ(one.counts.remaining(), 0u);
}

TEST_F(RequestBooksTest, WhatIsToBeAnsweredIsToldAsInHand) {
  link::InHandWords words{};
  books = RequestBooks(10, 100);
  books.tell_in_hand(words);
  EXPECT_FALSE(link::look_in_hand(words).is_all);
  for (const std::uint64_t id : {1u, 2u, 2u, 3u}) books.note_returned_request(one, id);
  books.note_answered(one, 2);
  books.note_answered(one, 2);
  books.take_back_request(one, 3);
  EXPECT_TRUE(books.begin_together(false, 4));
  EXPECT_TRUE(books.begin_together(false, 5));
  EXPECT_FALSE(link::look_in_hand(words).holds(4));
  books.note_returned_together(one);
  const link::InHand seen = link::look_in_hand(words);
  for (const std::uint64_t id : {1u, 4u, 5u}) EXPECT_TRUE(seen.holds(id)) << id;
  for (const std::uint64_t id : {2u, 3u}) EXPECT_FALSE(seen.holds(id)) << id;
}

TEST_F(RequestBooksTest, CopiesGoWithTheAnswerOrWhenNobodyWantsIt) {
  books.keep_copies(std::make_unique<KeptRequests>(10'000));
  const auto send_kept = [&] {
    books.copies()->keep(books.next_id(), one.id, outgoing(1), Priority(), 1000);
    return send(one);
  };
  const std::uint64_t answered = send_kept(), unwanted = send_kept(), open = send_kept();
  books.note_returned_reply(one, answered);
  books.note_unwanted(one, unwanted);
  books.copies()->keep(books.next_id(), one.id, outgoing(1), Priority(), 1000);
  books.begin(one);
  books.give_up();
  for (const std::uint64_t id : {answered, unwanted, books.next_id()}) EXPECT_EQ(books.copies()->find(id), nullptr);
  EXPECT_NE(books.copies()->find(open), nullptr);
}

}  // namespace
}  // namespace coproc::detail
