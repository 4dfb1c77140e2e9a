// Requests, replies, errors and close requests between the two messengers of a pair.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <cstdint>
#include <list>
#include <stdexcept>
#include <string>
#include <vector>

#include "scenario/pair_of_messengers.hpp"

using namespace std::chrono_literals;
using coproc::ChannelId;
using coproc::Message;
using coproc::PriorityMessenger;

namespace {

struct NegativeInput {
  int value = 0;
};
struct OddError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct PlainError : std::exception {
  const char* what() const noexcept override { return "plain"; }
};

struct OneProcessRequests : scenario::PairOfMessengers {};

TEST_F(OneProcessRequests, CountsRequestsAndReplies) {
  EXPECT_EQ(a.remaining(), 0u);
  a.send_request("hello");
  EXPECT_EQ(a.remaining(), 1u);
  b.send_reply(b.receive_blocking<std::string>());
  EXPECT_EQ(a.remaining(), 1u);  // until the reply is received
  EXPECT_EQ(a.receive_blocking<std::string>(), "hello");
  EXPECT_EQ(a.remaining(), 0u);
  EXPECT_EQ(a.counts(), (coproc::ChannelCounts{1, 1, 1, 1}));
  b.send_reply(1);  // nobody asked for it
  EXPECT_EQ(a.receive_blocking<int>(), 1);
  EXPECT_EQ(a.remaining(), 0u);
}

// Values that lie behind each other take a way of their own.
TEST_F(OneProcessRequests, ABatchIsTheSameFromEveryContainer) {
  const std::vector<std::string> texts{"a", "bc"};
  const std::list<std::string> others{"d", "ef"};
  const int numbers[] = {1, 2};
  std::vector<coproc::RequestId> ids = a.send_request_multiple(texts, "texts");
  for (const coproc::RequestId id : a.send_request_multiple(others, "texts")) ids.push_back(id);
  for (const coproc::RequestId id : a.send_request_multiple(numbers)) ids.push_back(id);
  for (const coproc::RequestId id : a.send_request_multiple(std::vector<int>())) ids.push_back(id);
  ASSERT_EQ(ids.size(), 6u);
  for (std::size_t i = 1; i < ids.size(); ++i)
    EXPECT_EQ(static_cast<std::uint64_t>(ids[i]), static_cast<std::uint64_t>(ids[i - 1]) + 1);
  EXPECT_EQ(b.receive_available<std::string>("texts"), (std::vector<std::string>{"a", "bc", "d", "ef"}));
  EXPECT_EQ(b.receive_available<int>(), (std::vector{1, 2}));
  EXPECT_EQ(a.remaining("texts"), 4u);
  EXPECT_EQ(a.remaining(), 2u);
}

TEST(OneProcessRequestBatch, ThatFailsHalfwayHasSentWhatCameBefore) {
  auto [a, b] = PriorityMessenger::new_pair({.max_message_bytes = 1000});
  const std::vector<std::string> texts{"a", "b", std::string(2000, 'x'), "c"};
  EXPECT_THROW(a.send_request_multiple(texts), coproc::MessageTooLargeError);
  EXPECT_EQ(a.remaining(), 2u);
  EXPECT_EQ(b.receive_available<std::string>(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(OneProcessRequests, ReceivesRemainingRepliesOnly) {
  EXPECT_EQ(a.send_request_multiple({1, 2, 3}).size(), 3u);
  b.send_norequest(99);
  for (int i = 0; i < 3; ++i) b.send_reply(b.receive_blocking<int>() * 10);
  std::vector<int> replies;
  for (int reply : a.receive_remaining<int>()) replies.push_back(reply);
  EXPECT_EQ(replies, (std::vector{10, 20, 30}));
  EXPECT_EQ(a.receive_blocking<int>(), 99);
  for (int reply : a.receive_remaining<int>()) FAIL() << reply;
}

TEST_F(OneProcessRequests, ReceiveRemainingThrowsAnErrorAfterTheRepliesBeforeItAndGoesOn) {
  a.send_request_multiple({1, 2});
  b.send_reply(b.receive_blocking<int>());
  b.send_error(OddError("between"));
  b.send_reply(b.receive_blocking<int>());
  std::vector<int> replies;
  EXPECT_THROW(for (int reply : a.receive_remaining<int>()) replies.push_back(reply), OddError);
  EXPECT_EQ(replies, std::vector{1});
  for (int reply : a.receive_remaining<int>()) replies.push_back(reply);
  EXPECT_EQ(replies, (std::vector{1, 2}));
}

TEST_F(OneProcessRequests, ReceiveRemainingTimesOut) {
  a.send_request(1);
  EXPECT_THROW(for (int reply : a.receive_remaining<int>({}, 1ms))(void) reply, coproc::TimeoutError);
}

TEST_F(OneProcessRequests, TheComparisonOfARangeWaitsAndTheIncrementDrops) {
  a.send_request_multiple({1, 2});
  auto replies = a.receive_remaining<int>({}, 1ms);
  auto at = replies.begin();
  EXPECT_THROW((void)(at == replies.end()), coproc::TimeoutError);
  b.send_reply(b.receive_blocking<int>() * 10);
  b.send_reply(b.receive_blocking<int>() * 10);
  EXPECT_FALSE(at == replies.end());
  EXPECT_FALSE(at == replies.end()) << "asked again, it has not gone on";
  EXPECT_EQ(*at, 10);
  EXPECT_EQ(*at, 10);
  ++at;
  ++at;  // the second reply is received, too
  EXPECT_EQ(a.remaining(), 0u);
  EXPECT_TRUE(at == replies.end());
}

TEST_F(OneProcessRequests, ReceivesTheReplyToOneRequest) {
  const auto first = a.send_request(1);
  const auto second = a.send_request(2);
  b.send_reply(b.receive_blocking<int>() + 10);
  b.send_reply(b.receive_blocking<int>() + 10);
  EXPECT_EQ(a.receive_reply<int>(second), 12);
  EXPECT_EQ(a.available(), 1u);
  EXPECT_EQ(a.receive_reply<int>(first), 11);
  EXPECT_THROW(a.receive_reply<int>(first), coproc::NoRequestError);
  EXPECT_EQ(a.remaining(), 0u);
  const auto third = a.send_request(3);
  EXPECT_THROW(a.receive_reply<int>(third, 1ms), coproc::TimeoutError);
}

TEST_F(OneProcessRequests, ManyRepliesOutOfOrder) {
  std::vector<coproc::RequestId> ids;
  for (int i = 0; i < 500; ++i) ids.push_back(a.send_request(i));
  for (int i = 0; i < 500; ++i) b.send_reply(b.receive_blocking<int>());
  for (int i = 499; i >= 0; i -= 2) ASSERT_EQ(a.receive_reply<int>(ids[static_cast<std::size_t>(i)]), i);
  for (int i = 0; i < 500; i += 2) ASSERT_EQ(a.receive_blocking<int>(), i);
  EXPECT_EQ(a.remaining(), 0u);
}

TEST_F(OneProcessRequests, RepliesToAMessageInAnyOrder) {
  a.send_request_multiple({1, 2, 3});
  std::vector<Message> requests;
  for (int i = 0; i < 3; ++i) requests.push_back(b.receive_blocking());
  b.reply_to(requests[2], 30);
  b.reply_to(requests[0], 10);
  EXPECT_THROW(b.reply_to(requests[0], 10), coproc::NoRequestError);
  b.send_reply(20);  // the one that is left
  std::vector<int> replies;
  for (int reply : a.receive_remaining<int>()) replies.push_back(reply);
  EXPECT_EQ(replies, (std::vector{30, 10, 20}));
}

TEST_F(OneProcessRequests, RefusesToReplyToWhatIsNoRequestHere) {
  a.send_norequest(1);
  const Message message = b.receive_blocking();
  EXPECT_THROW(b.reply_to(message, 1), coproc::NoRequestError);
  a.send_request(1);
  const Message request = b.receive_blocking();
  auto [c, d] = PriorityMessenger::new_pair();
  EXPECT_THROW(d.reply_to(request, 1), coproc::NoRequestError);
}

TEST_F(OneProcessRequests, AnErrorReplyFailsJustItsRequest) {
  const auto bad = a.send_request(-1);
  const auto good = a.send_request(1);
  const Message first = b.receive_blocking();
  const Message second = b.receive_blocking();
  b.reply_error_to(first, NegativeInput{-1});
  b.reply_to(second, 1);
  EXPECT_EQ(a.receive_reply<int>(good), 1);
  try {
    a.receive_reply<int>(bad);
    FAIL();
  } catch (const NegativeInput& error) {
    EXPECT_EQ(error.value, -1);
  }
  EXPECT_EQ(a.remaining(), 0u);
  a.send_request(-2);
  b.reply_error_to(b.receive_blocking(), OddError("odd"));
  const Message reply = a.receive_blocking();
  EXPECT_TRUE(reply.is_reply());
  ASSERT_NE(reply.error(), nullptr);
  EXPECT_THROW(std::rethrow_exception(reply.error()), OddError);
  EXPECT_THROW(reply.get<int>(), OddError);
}

TEST_F(OneProcessRequests, ErrorsArriveAsTheirOwnTypeWithTheirOrigin) {
  b.send_error(std::invalid_argument("data must be positive"));
  try {
    a.receive_blocking();
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "data must be positive");
    EXPECT_NE(dynamic_cast<const coproc::RemoteOrigin*>(&error), nullptr);
  }
  b.send_error(NegativeInput{-3});
  EXPECT_THROW(a.receive_blocking(), NegativeInput);
  b.send_error(PlainError());
  EXPECT_THROW(a.available(), PlainError);
  b.send_error(std::system_error(ENOENT, std::generic_category(), "open"));
  try {
    a.receive_available();
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_STREQ(error.what(), "open: No such file or directory");
  }
}

TEST_F(OneProcessRequests, AnErrorOvertakesWhatIsQueuedAndLosesNothing) {
  b.send_norequest(1);
  b.send_error(OddError("odd"));
  b.send_norequest(2);
  EXPECT_THROW(a.receive_blocking<int>(), OddError);
  EXPECT_EQ(a.receive_blocking<int>(), 1);
  EXPECT_EQ(a.receive_blocking<int>(), 2);
}

TEST_F(OneProcessRequests, ACloseRequestIsThrownOnceAndThenByEveryWait) {
  b.send_norequest(1);
  EXPECT_FALSE(a.close_requested());
  b.send_close_request();
  EXPECT_TRUE(a.close_requested());
  EXPECT_THROW(a.receive_blocking<int>(), coproc::ResourceRequestedClose);
  EXPECT_EQ(a.receive_blocking<int>(), 1);
  EXPECT_THROW(a.receive_blocking<int>(), coproc::ResourceRequestedClose);
  EXPECT_THROW(a.receive_for<int>(10s), coproc::ResourceRequestedClose);
  EXPECT_EQ(a.receive_for<int>(0s), std::nullopt);
  EXPECT_EQ(a.available(), 0u);
}

TEST_F(OneProcessRequests, ACloseRequestIsNoStdException) {
  b.send_close_request();
  EXPECT_THROW(
      try { a.receive_blocking(); } catch (const std::exception&) { FAIL(); }, coproc::ResourceRequestedClose);
}

}  // namespace
