// Streams between two ends in one process: the window and its credit, cancelling, and what else goes over the link.
#include <gtest/gtest.h>

#include <coproc/async.hpp>
#include <coproc/coproc.hpp>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scenario/pair_of_messengers.hpp"
#include "scenario/stream_parts.hpp"
#include "support/coroutine.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;

namespace {

using OneProcessStreams = scenario::PairOfMessengers;

/// How many parts may be sent now.
int send_while_allowed(PriorityMessenger& messenger, const Message& request) {
  int count = 0;
  while (messenger.try_reply_part_to(request, count)) ++count;
  return count;
}

}  // namespace

TEST_F(OneProcessStreams, TheWindowBoundsWhatIsUnread) {
  auto stream = a.stream<int>(std::string("rows"), {.window_bytes = 1640});  // ten parts of 164 bytes
  const Message request = b.receive_blocking();
  EXPECT_EQ(request.get<std::string>(), "rows");
  EXPECT_EQ(send_while_allowed(b, request), 10);
  EXPECT_THROW(b.reply_part_to(request, 10, {.timeout = 0s}), coproc::TimeoutError);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(stream.next(0s), i);
  EXPECT_EQ(send_while_allowed(b, request), 0);  // credit comes for half of a window
  EXPECT_EQ(stream.next(0s), 4);
  EXPECT_EQ(send_while_allowed(b, request), 5);
  for (int i = 5; i < 10; ++i) EXPECT_EQ(stream.next(0s), i);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(stream.next(0s), i);
  EXPECT_THROW((void)stream.next(0s), coproc::TimeoutError);
  b.end_reply_to(request);
  EXPECT_EQ(stream.next(0s), std::nullopt);
  EXPECT_THROW(b.end_reply_to(request), coproc::NoRequestError);
  EXPECT_THROW(b.reply_part_to(request, 1), coproc::NoRequestError);
}

TEST_F(OneProcessStreams, SeveralStreamsAndMessagesDoNotBlockEachOther) {
  auto one = a.stream<int>(1), two = a.stream<int>(2);
  const Message first_request = b.receive_blocking(), second_request = b.receive_blocking();
  const int unread = send_while_allowed(b, first_request);
  EXPECT_GT(unread, 10);
  for (int i = 0; i < 5000; ++i) {
    b.reply_part_to(second_request, i);
    EXPECT_EQ(two.next(0s), i);
    b.send_norequest(i);
    EXPECT_EQ(a.receive_blocking<int>(), i);
  }
  EXPECT_EQ(a.available(), 0u);
  for (int i = 0; i < unread; ++i) EXPECT_EQ(one.next(0s), i);
}

TEST_F(OneProcessStreams, BothDirectionsAtOnce) {
  auto from_b = a.stream<int>(0), from_a = b.stream<int>(0);
  const Message to_b = b.receive_blocking(), to_a = a.receive_blocking();
  for (int i = 0; i < 3000; ++i) {
    b.reply_part_to(to_b, i);
    a.reply_part_to(to_a, -i);
    EXPECT_EQ(from_b.next(0s), i);
    EXPECT_EQ(from_a.next(0s), -i);
  }
  b.end_reply_to(to_b);
  EXPECT_EQ(from_b.next(), std::nullopt);
}

TEST_F(OneProcessStreams, AReplyIsTheLastPart) {
  auto stream = a.stream<int>(0);
  const Message request = b.receive_blocking();
  b.reply_part_to(request, 1);
  b.reply_to(request, 2);
  EXPECT_EQ(a.available(), 0u);
  EXPECT_FALSE(a.receive_for(0s));
  EXPECT_EQ(all_of(stream), (std::vector{1, 2}));
}

TEST_F(OneProcessStreams, QueuedCountsWhatOtherCallsHaveTakenIn) {
  auto stream = a.stream<int>(0), other = a.stream<int>(1);
  const Message request = b.receive_blocking(), other_request = b.receive_blocking();
  for (int i = 0; i < 3; ++i) b.reply_part_to(request, i);
  b.reply_part_to(other_request, 7);
  EXPECT_EQ(stream.queued(), 0u);  // it takes in nothing
  EXPECT_EQ(a.available(), 0u);
  EXPECT_EQ(stream.queued(), 3u);
  EXPECT_EQ(other.queued(), 1u);
  EXPECT_EQ(stream.next(0s), 0);
  EXPECT_EQ(stream.queued(), 2u);
  const auto at = stream.begin();
  EXPECT_EQ(*at, 1);
  EXPECT_EQ(stream.queued(), 2u);  // a loop has fetched one, and not gone on
  EXPECT_EQ(stream.next(0s), 1);
  EXPECT_EQ(stream.next(0s), 2);
  EXPECT_EQ(stream.queued(), 0u);
  b.end_reply_to(request);
  b.reply_error_to(other_request, std::out_of_range("the end"));
  EXPECT_EQ(a.available(), 0u);
  EXPECT_EQ(stream.queued(), 1u);  // the end
  EXPECT_EQ(other.queued(), 2u);   // a part and an error
  EXPECT_EQ(stream.next(0s), std::nullopt);
  EXPECT_EQ(stream.queued(), 0u);
  other.cancel();
  EXPECT_EQ(other.queued(), 0u);
}

TEST_F(OneProcessStreams, TheWriterIsToldOfACancellationOnce) {
  auto stream = a.stream<int>(0, {.window_bytes = 1});
  const Message request = b.receive_blocking();
  b.reply_part_to(request, 1);
  EXPECT_FALSE(b.try_reply_part_to(request, 2));
  stream.cancel();
  EXPECT_TRUE(stream.is_over());
  EXPECT_THROW((void)b.try_reply_part_to(request, 2), coproc::StreamCancelledError);
  EXPECT_THROW((void)b.reply_part_to(request, 2), coproc::NoRequestError);
  EXPECT_EQ(a.available(), 0u);  // takes in the end, and drops it
  EXPECT_EQ(a.counts().remaining(), 0u);
}

TEST_F(OneProcessStreams, ACancellationWakesAWriterThatWaits) {
  auto stream = a.stream<int>(0, {.window_bytes = 1});
  std::thread writer([&] {
    const Message request = b.receive_blocking();
    b.reply_part_to(request, 1);
    EXPECT_THROW(b.reply_part_to(request, 2), coproc::StreamCancelledError);
  });
  coproc::Messenger* const reader[] = {&a};
  EXPECT_EQ(coproc::wait_any(reader), 0u);  // the part has come, and is not read
  stream.cancel();
  writer.join();
}

TEST_F(OneProcessStreams, PartsOnTheirWayAreDroppedAndGiveTheirLoansBack) {
  auto [reader, writer] = PriorityMessenger::new_pair({.loan_bytes = 1 << 20});
  for (int i = 0; i < 50; ++i) {  // more than there is to lend, if nothing came back
    auto stream = reader.stream<coproc::SharedBuffer<int>>(0);
    const Message request = writer.receive_blocking();
    writer.reply_part_to(request, writer.loan<int>(100 * 1024));
    if (i % 2 == 0) {
      EXPECT_EQ(reader.available(), 0u);  // it waits in the stream, and otherwise in the link
    }
    stream.cancel();
    EXPECT_THROW(writer.reply_part_to(request, 1), coproc::StreamCancelledError);
    EXPECT_EQ(reader.available(), 0u);
  }
}

TEST_F(OneProcessStreams, LoansCountInTheWindow) {
  auto [reader, writer] = PriorityMessenger::new_pair();
  auto stream = reader.stream<std::vector<char>>(0, {.window_bytes = 200'000});
  const Message request = writer.receive_blocking();
  const std::vector<char> part(100'000, 'x');
  int sent = 0;
  while (writer.try_reply_part_to(request, part)) ++sent;
  EXPECT_EQ(sent, 2);
  for (int i = 0; i < 100; ++i) {  // both ends count alike: nothing is refused, and nothing gets stuck
    EXPECT_EQ(stream.next(0s), part);
    while (writer.try_reply_part_to(request, part)) ++sent;
  }
  EXPECT_GE(sent, 100);
}

TEST_F(OneProcessStreams, AStreamIsNoReplyForOthers) {
  auto stream = a.stream<int>(0);
  const auto call = a.send_request(1);
  EXPECT_EQ(a.remaining(), 1u);
  const Message request = b.receive_blocking(), second = b.receive_blocking();
  b.reply_part_to(request, 1);
  b.send_reply(2);  // the oldest request is the stream
  b.send_reply(3);
  EXPECT_EQ(a.remaining(), 1u);
  std::vector<int> replies;
  for (int reply : a.receive_remaining<int>()) replies.push_back(reply);
  EXPECT_EQ(replies, std::vector{3});
  EXPECT_EQ(all_of(stream), (std::vector{1, 2}));
  (void)call;
}

TEST_F(OneProcessStreams, PartsForARequestOfOneReplyAreRefused) {
  a.send_request(1);
  const Message request = b.receive_blocking();
  EXPECT_THROW(b.reply_part_to(request, 1), coproc::NoRequestError);
  b.reply_to(request, 2);
  EXPECT_EQ(a.receive_blocking<int>(), 2);
}

TEST_F(OneProcessStreams, AWrongTypeStaysReadableAndErrorsComeInTurn) {
  auto stream = a.stream<int>(0);
  const Message request = b.receive_blocking();
  b.reply_part_to(request, std::string("text"));
  EXPECT_THROW((void)stream.next(), coproc::TypeMismatchError);
  EXPECT_FALSE(stream.is_over());
  EXPECT_THROW((void)stream.next(), coproc::TypeMismatchError);
  auto messages = a.stream<Message>(0);
  const Message second = b.receive_blocking();
  b.reply_part_to(second, std::string("text"));
  b.send_error(std::runtime_error("of nobody"));
  b.reply_error_to(second, std::out_of_range("the end"));
  const auto part = messages.next();
  ASSERT_TRUE(part);
  EXPECT_EQ(part->get<std::string>(), "text");
  EXPECT_FALSE(part->request_id());
  EXPECT_THROW((void)messages.next(), std::runtime_error);
  EXPECT_THROW((void)messages.next(), std::out_of_range);
  EXPECT_FALSE(messages.next());
}

TEST_F(OneProcessStreams, TheEndOfThePeerComesBehindItsParts) {
  auto stream = a.stream<int>(0);
  {
    PriorityMessenger peer = std::move(b);
    const Message request = peer.receive_blocking();
    peer.reply_part_to(request, 1);
  }
  EXPECT_EQ(stream.next(), 1);
  EXPECT_THROW((void)stream.next(), coproc::PeerClosedError);
}

TEST_F(OneProcessStreams, CreditGoesOnBehindAnEndOfMessages) {
  auto stream = a.stream<int>(0, {.window_bytes = 1});
  a.send_end();
  const Message request = b.receive_blocking();
  EXPECT_THROW(b.receive_for(0s), coproc::EndOfMessages);
  for (int i = 0; i < 10; ++i) {
    b.reply_part_to(request, i);
    EXPECT_EQ(stream.next(), i);
  }
}

TEST_F(OneProcessStreams, CreditThatFindsNoRoomGoesLater) {
  auto stream = a.stream<int>(0, {.window_bytes = 1});
  const Message request = b.receive_blocking();
  b.reply_part_to(request, 1);
  while (a.try_send(1, "other")) {}
  EXPECT_EQ(stream.next(), 1);
  EXPECT_FALSE(a.receive_for(0s));
  EXPECT_FALSE(b.try_reply_part_to(request, 2));  // makes room
  EXPECT_FALSE(a.receive_for(0s));                // pays
  EXPECT_TRUE(b.try_reply_part_to(request, 2));
  EXPECT_EQ(stream.next(), 2);
}

TEST_F(OneProcessStreams, AWriterBehindAFullInboxSaysSo) {
  auto [reader, writer] = PriorityMessenger::new_pair({.max_queued_bytes = 1000});
  auto stream = reader.stream<int>(0, {.window_bytes = 1});
  const Message request = writer.receive_blocking();
  writer.reply_part_to(request, 1);
  for (int i = 0; i < 20; ++i) reader.send_norequest(i, "other");
  EXPECT_THROW(writer.reply_part_to(request, 2), coproc::QueueFullError);
  EXPECT_EQ(writer.receive_available<int>("other").size(), 6u);
}

TEST_F(OneProcessStreams, TheDescriptorTellsOfPartsAndOfCredit) {
  auto stream = a.stream<int>(0, {.window_bytes = 1});
  const int reader = a.native_handle(), writer = b.native_handle();
  const Message request = b.receive_blocking();
  EXPECT_FALSE(support::is_readable(reader, 0));
  b.reply_part_to(request, 1);
  EXPECT_TRUE(support::is_readable(reader, -1));
  EXPECT_FALSE(b.try_reply_part_to(request, 2));
  EXPECT_FALSE(support::is_readable(writer, 0));
  EXPECT_EQ(stream.next(0s), 1);
  EXPECT_FALSE(support::is_readable(reader, 0));
  EXPECT_TRUE(support::is_readable(writer, -1));
  EXPECT_TRUE(b.try_reply_part_to(request, 2));
  coproc::Messenger* const both[] = {&a};
  EXPECT_EQ(coproc::wait_any(both, 0s), 0u);
}

TEST_F(OneProcessStreams, CoroutinesAwaitParts) {
  auto stream = a.stream<int>(0, {.window_bytes = 1000});
  const coproc::AsyncMessenger messages(a);
  std::vector<int> got;
  std::optional<bool> was_late;
  const auto read = [&]() -> support::Coroutine {
    while (const auto part = co_await messages.next(stream)) got.push_back(*part);
    EXPECT_TRUE(stream.is_over());
    auto other = a.stream<int>(1);
    try {
      (void)co_await messages.next(other, {.timeout = 0s});
    } catch (const coproc::TimeoutError&) {
      was_late = !other.is_over();
    }
  };
  const support::Coroutine reader = read();
  std::thread writer([&] {
    const Message request = b.receive_blocking();
    for (int i = 0; i < 1000; ++i) b.reply_part_to(request, i);
    b.end_reply_to(request);
  });
  auto& driver = const_cast<coproc::AsyncMessenger&>(messages);
  while (!reader.is_done()) (void)driver.wait();
  writer.join();
  reader.check();
  EXPECT_EQ(got, numbers_below(1000));
  EXPECT_EQ(was_late, true);
}

TEST_F(OneProcessStreams, ASentStreamMovesAndRefusesNonsense) {
  auto one = a.stream<int>(1, {.window_bytes = 1000});
  auto two = a.stream<int>(2);
  one = std::move(two);  // the first is cancelled
  const Message first_request = b.receive_blocking(), second_request = b.receive_blocking();
  EXPECT_THROW(b.reply_part_to(first_request, 1), coproc::StreamCancelledError);
  b.reply_part_to(second_request, 2);
  EXPECT_EQ(one.next(), 2);
  EXPECT_TRUE(two.is_over());
  EXPECT_THROW((void)a.stream<int>(1, {.priority = std::nan("")}), coproc::InvalidArgumentError);
}
