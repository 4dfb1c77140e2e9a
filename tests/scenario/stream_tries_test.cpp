// Parts that are sent only if they may be sent at once, and the descriptor that tells when to try again.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <string>
#include <variant>

#include "scenario/pair_of_messengers.hpp"
#include "support/coroutine.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::StreamCancelledError;

namespace {

/// `a` reads streams whose window is full of one part, and `b` answers them.
struct OneProcessStreamTries : scenario::PairOfMessengers {
  const int writer = b.native_handle();
  coproc::Stream<int> stream = begin();
  const Message request = receive_and_fill();

  coproc::Stream<int> begin() { return a.stream<int>(0, {.window_bytes = 1}); }
  Message receive_and_fill() {
    Message received = b.receive_blocking();
    b.reply_part_to(received, 1);
    EXPECT_FALSE(b.try_reply_part_to(received, 2));
    EXPECT_FALSE(is_told());
    return received;
  }
  bool is_told() const { return support::is_readable(writer, 0); }
  /// A call of `b` that takes in whatever the reader has said.
  void look() { EXPECT_FALSE(b.receive_for(0s)); }
};

}  // namespace

TEST_F(OneProcessStreamTries, CreditThatAnotherCallHasTakenInIsTold) {
  EXPECT_EQ(stream.next(0s), 1);
  for (int i = 0; i < 2; ++i) {
    look();
    EXPECT_TRUE(is_told());
  }
  EXPECT_TRUE(b.try_reply_part_to(request, 2));
  EXPECT_FALSE(is_told());
  EXPECT_FALSE(b.try_reply_part_to(request, 3));
  EXPECT_FALSE(is_told());
}

TEST_F(OneProcessStreamTries, ACancellationThatAnotherCallHasTakenInIsTold) {
  stream.cancel();
  look();
  EXPECT_TRUE(is_told());
  EXPECT_THROW((void)b.try_reply_part_to(request, 2), StreamCancelledError);
  EXPECT_FALSE(is_told());
}

TEST_F(OneProcessStreamTries, CreditOfOneOfSeveralStreamsIsTold) {
  auto other = begin();
  const Message another = receive_and_fill();
  EXPECT_EQ(stream.next(0s), 1);
  look();
  EXPECT_TRUE(is_told());
  EXPECT_FALSE(b.try_reply_part_to(another, 2));
  EXPECT_TRUE(is_told());
  EXPECT_TRUE(b.try_reply_part_to(request, 2));
  EXPECT_FALSE(is_told());
  EXPECT_EQ(other.next(0s), 1);
}

TEST_F(OneProcessStreamTries, NothingIsToldOfAStreamThatIsAnsweredOtherwise) {
  EXPECT_EQ(stream.next(0s), 1);
  look();
  EXPECT_TRUE(is_told());
  b.end_reply_to(request);
  EXPECT_FALSE(is_told());
  EXPECT_EQ(stream.next(0s), std::nullopt);
}

TEST_F(OneProcessStreamTries, ACancellationThatFindsNoRoomForItsAnswerIsTriedAgain) {
  while (b.try_send(std::string(10'000, 'x'))) {}
  while (b.try_send(std::monostate())) {}  // as small as the answer
  stream.cancel();
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(b.try_reply_part_to(request, 2));
    EXPECT_FALSE(is_told());
  }
  while (a.receive_for(0s)) {}
  EXPECT_TRUE(is_told());
  EXPECT_THROW((void)b.try_reply_part_to(request, 2), StreamCancelledError);
  EXPECT_FALSE(is_told());
}
