// Loans between the two ends of a pair in one process.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include "support/loans.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::SharedBuffer;
using support::counted;
using support::Frame;
using support::is_counted;
using support::kMiB;

namespace {

struct Album {
  std::string name;
  std::vector<Frame> frames;
  std::optional<SharedBuffer<int>> index;
  std::variant<int, SharedBuffer<>> rest;
  std::map<int, SharedBuffer<char>> texts;
};

struct OneProcessLoans : ::testing::Test {
  std::pair<PriorityMessenger, PriorityMessenger> ends = PriorityMessenger::new_pair({.loan_bytes = 16 * kMiB});
  PriorityMessenger& a = ends.first;
  PriorityMessenger& b = ends.second;
};

}  // namespace

TEST_F(OneProcessLoans, ALoanArrivesWithoutACopy) {
  SharedBuffer<int> sent = counted(a, 100'000);
  const int* const place = sent.data();
  a.send_norequest(std::move(sent));
  EXPECT_TRUE(sent.empty());  // NOLINT: that the send has taken it is what is tested
  EXPECT_EQ(sent.data(), nullptr);
  const auto received = b.receive_blocking<SharedBuffer<int>>();
  EXPECT_TRUE(is_counted(received, 100'000));
  EXPECT_EQ(received.data(), place);  // both ends share one mapping in one process
  EXPECT_EQ(received.copy().back(), 99'999);
}

TEST_F(OneProcessLoans, AConstBufferIsTakenToo) {
  const SharedBuffer<int> sent = counted(a, 10);
  a.send_norequest(sent);
  EXPECT_TRUE(sent.empty());
  EXPECT_TRUE(is_counted(b.receive_blocking<SharedBuffer<int>>(), 10));
}

TEST_F(OneProcessLoans, BytesAreLentWithoutAType) {
  SharedBuffer<> sent = a.loan(3);
  sent[2] = std::byte{7};
  a.send_norequest(sent);
  EXPECT_EQ(b.receive_blocking<SharedBuffer<>>()[2], std::byte{7});
  EXPECT_TRUE(a.loan(0).empty());
  a.send_norequest(a.loan(0));
  EXPECT_TRUE(b.receive_blocking<SharedBuffer<>>().empty());
}

TEST_F(OneProcessLoans, TheyTravelAnywhereInsideOfAPayload) {
  Album album{.name = "trip", .frames = {}, .index = counted(a, 5, 50), .rest = a.loan(9), .texts = {}};
  for (int i = 0; i < 3; ++i) {
    album.frames.push_back({i, a.loan<float>(1000)});
    album.frames.back().pixels[999] = static_cast<float>(i);
  }
  album.texts.emplace(7, a.loan<char>(4));
  album.texts.at(7)[3] = 'x';
  a.send_request(album);
  EXPECT_TRUE(album.frames[1].pixels.empty());
  const Message message = b.receive_blocking();
  EXPECT_EQ(message.type_name(), "Album");
  auto received = message.get<Album>();
  EXPECT_EQ(received.name, "trip");
  ASSERT_EQ(received.frames.size(), 3u);
  EXPECT_EQ(received.frames[2].pixels[999], 2.0f);
  EXPECT_TRUE(is_counted(*received.index, 5, 50));
  EXPECT_EQ(std::get<1>(received.rest).size(), 9u);
  EXPECT_EQ(received.texts.at(7)[3], 'x');
  b.reply_to(message,
             std::tuple(received.frames[0].id, std::array<SharedBuffer<int>, 2>{counted(b, 3), counted(b, 4)}));
  const auto reply = a.receive_blocking<std::tuple<int, std::array<SharedBuffer<int>, 2>>>();
  EXPECT_TRUE(is_counted(std::get<1>(reply)[1], 4));
}

TEST_F(OneProcessLoans, WhatIsDroppedCanBeLentAgain) {
  for (int i = 0; i < 100; ++i) {
    a.send_norequest(counted(a, kMiB, i));
    EXPECT_TRUE(is_counted(b.receive_blocking<SharedBuffer<int>>(), kMiB, i));
  }
  for (int i = 0; i < 100; ++i) (void)a.loan(16 * kMiB);  // unsent, too
}

TEST_F(OneProcessLoans, AShareStaysAndItsMemoryIsNotLentAnew) {
  SharedBuffer<int> sent = counted(a, kMiB);
  const SharedBuffer<int> share = sent.share();
  a.send_norequest(sent);
  EXPECT_TRUE(sent.empty());
  ASSERT_TRUE(is_counted(share, kMiB));
  {
    auto received = b.receive_blocking<SharedBuffer<int>>();
    received[0] = 7;
    EXPECT_EQ(share[0], 7);  // one memory
  }
  for (int i = 0; i < 10; ++i) {  // all the rest is lent again and again, and the share's is not
    a.send_norequest(counted(a, kMiB, 1000));
    EXPECT_TRUE(is_counted(b.receive_blocking<SharedBuffer<int>>(), kMiB, 1000));
  }
  EXPECT_EQ(share[kMiB - 1], static_cast<int>(kMiB) - 1);
  EXPECT_TRUE(SharedBuffer<int>().share().empty());
}

TEST_F(OneProcessLoans, AShareIsCopiedWhileThePeerHasItAndLentAgainAfterwards) {
  const SharedBuffer<int> share = counted(a, 1000).share();
  a.send_norequest(share);
  EXPECT_TRUE(is_counted(share, 1000));
  a.send_norequest(share);
  {
    const auto lent = b.receive_blocking<SharedBuffer<int>>();
    const auto copied = b.receive_blocking<SharedBuffer<int>>();
    EXPECT_EQ(lent.data(), share.data());
    EXPECT_NE(copied.data(), share.data());
    EXPECT_TRUE(is_counted(copied, 1000));
  }
  for (int i = 0; i < 3; ++i) {
    a.send_norequest(share);
    EXPECT_EQ(b.receive_blocking<SharedBuffer<int>>().data(), share.data());
  }
}

TEST_F(OneProcessLoans, MemoryOfDroppedSharesIsLentAgain) {
  for (int i = 0; i < 100; ++i) {
    auto first = std::make_optional(counted(a, kMiB, i).share());
    a.send_norequest(*first);
    if (i % 2 == 0) first.reset();  // before the peer drops it, and after that
    EXPECT_TRUE(is_counted(b.receive_blocking<SharedBuffer<int>>(), kMiB, i));
  }
}

TEST_F(OneProcessLoans, ManyAreOutUntilThereIsNoRoomAndComeBackInAnyOrder) {
  std::vector<SharedBuffer<int>> received;
  try {
    for (int i = 0;; ++i) {
      a.send_norequest(counted(a, 25'000, i));
      received.push_back(b.receive_blocking<SharedBuffer<int>>());
    }
  } catch (const coproc::LoanError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(std::to_string(received.size() * 100'000)), std::string::npos) << text;
    EXPECT_NE(text.find(std::to_string(16 * kMiB)), std::string::npos) << text;
  }
  EXPECT_GE(received.size(), 150u);
  for (std::size_t i = 0; i < received.size(); ++i) EXPECT_TRUE(is_counted(received[i], 25'000, static_cast<int>(i)));
  for (std::size_t i = 0; i < received.size(); i += 2) received[i] = {};
  for (int i = 0; i < 70; ++i)
    received.push_back((a.send_norequest(counted(a, 25'000)), b.receive_blocking<SharedBuffer<int>>()));
  EXPECT_THROW((void)a.loan(kMiB), coproc::LoanError);
  received.clear();
  EXPECT_EQ(a.loan(16 * kMiB).size(), 16 * kMiB);
}

TEST_F(OneProcessLoans, AnotherThreadMayDropThem) {
  std::vector<SharedBuffer<int>> here, there;
  for (int round = 0; round < 50; ++round) {
    here.clear();
    for (int i = 0; i < 4; ++i) a.send_norequest(counted(a, kMiB / 2, i));
    for (int i = 0; i < 4; ++i) here.push_back(b.receive_blocking<SharedBuffer<int>>());
    here.push_back(counted(a, 1000));  // unsent
    std::thread([&, mine = std::move(here)]() mutable {
      there = std::move(mine);
      there.clear();
    }).join();
  }
  std::thread dropper([mine = counted(a, 1000)] {});
  for (int i = 0; i < 1000; ++i) (void)a.loan(5000);
  dropper.join();
}

namespace loans_test {
struct Unwilling {};  // with linkage: clang warns about what the codec only asks of it otherwise
}  // namespace loans_test
using loans_test::Unwilling;
template <>
struct coproc::Codec<Unwilling> {
  static constexpr std::string_view name = "Unwilling";
  static void encode(Encoder&, const Unwilling&) { throw std::runtime_error("no"); }
  static Unwilling decode(Decoder&) { throw std::runtime_error("nor back"); }
};

TEST_F(OneProcessLoans, AFailedSendLeavesThemWithTheirOwner) {
  struct Doubtful {
    SharedBuffer<int> buffer;
    std::vector<int> large;
    std::variant<int, Unwilling> end;
  };
  Doubtful value{counted(a, kMiB), std::vector<int>(kMiB / 2, 3), Unwilling()};
  const int* const place = value.buffer.data();
  for (int i = 0; i < 100; ++i) EXPECT_THROW(a.send_norequest(value), std::runtime_error);
  value.end = 5;
  const double no_number = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(a.send_norequest(value, {}, {.priority = no_number}), coproc::InvalidArgumentError);
  EXPECT_EQ(value.buffer.data(), place);
  EXPECT_TRUE(is_counted(value.buffer, kMiB));
  a.send_norequest(value);
  EXPECT_TRUE(value.buffer.empty());
  auto received = b.receive_blocking<Doubtful>();
  EXPECT_TRUE(is_counted(received.buffer, kMiB));
  EXPECT_EQ(received.large, value.large);
  received.buffer = {};

  // Nor does a full ring, with payloads that fit into a record and with one in pieces.
  for (const std::size_t size : {10'000u, 0u}) {
    while (a.try_send(std::string(size, 'x'))) {}
  }
  SharedBuffer<int> one = counted(a, 10);
  EXPECT_FALSE(a.try_send(one));
  EXPECT_TRUE(is_counted(one, 10));
  while (b.receive_for<std::string>(0s)) {}
  const std::vector<std::string> texts(5, std::string(30'000, 'y'));
  std::pair in_pieces(texts, std::move(one));
  EXPECT_THROW(a.send_norequest(in_pieces, {}, {.timeout = 1ms}), coproc::TimeoutError);
  EXPECT_TRUE(is_counted(in_pieces.second, 10));
  EXPECT_EQ(b.receive_for(0s), std::nullopt);
  std::thread receiver([&b = b, &texts] {
    const auto whole = b.receive_blocking<std::pair<std::vector<std::string>, SharedBuffer<int>>>();
    EXPECT_EQ(whole.first, texts);
    EXPECT_TRUE(is_counted(whole.second, 10));
  });
  a.send_norequest(in_pieces);
  receiver.join();
  EXPECT_TRUE(in_pieces.second.empty());
  EXPECT_EQ(a.loan(16 * kMiB).size(), 16 * kMiB);  // nothing is out any more
}

TEST_F(OneProcessLoans, AMessageThatIsNeverDecodedGivesThemBack) {
  a.send_norequest(counted(a, 3 * kMiB));
  a.send_norequest(counted(a, kMiB), "lane");
  EXPECT_EQ(b.available(), 1u);
  EXPECT_THROW((void)a.loan(13 * kMiB), coproc::LoanError);
  EXPECT_THROW((void)b.receive_blocking<std::string>(), coproc::TypeMismatchError);
  EXPECT_THROW((void)a.loan(13 * kMiB), coproc::LoanError);  // it stays receivable
  (void)b.receive_blocking();
  EXPECT_THROW((void)a.loan(13 * kMiB), coproc::LoanError);  // the other still waits
  b = std::move(PriorityMessenger::new_pair().first);
}

TEST_F(OneProcessLoans, AMessageIsReadAgainAndThenSharesItsMemory) {
  a.send_norequest(counted(a, 1000));
  std::optional<Message> message = b.receive_blocking();
  auto one = message->get<SharedBuffer<int>>();
  const auto other = message->get<SharedBuffer<int>>();
  EXPECT_EQ(one.data(), other.data());
  message.reset();
  one = {};
  EXPECT_TRUE(is_counted(other, 1000));
}

TEST_F(OneProcessLoans, TheyOutliveTheirMessengersAndTheSender) {
  SharedBuffer<int> received, unsent;
  std::optional<Message> message;
  {
    auto [c, d] = PriorityMessenger::new_pair();
    c.send_norequest(counted(c, 5000));
    c.send_norequest(counted(c, 6000), "lane");
    received = d.receive_blocking<SharedBuffer<int>>();
    message = d.receive_blocking("lane");
    unsent = counted(c, 700);
  }
  EXPECT_TRUE(is_counted(received, 5000));
  EXPECT_TRUE(is_counted(unsent, 700));
  EXPECT_TRUE(is_counted(message->get<SharedBuffer<int>>(), 6000));
  received[0] = 1;
}

TEST_F(OneProcessLoans, WhatIsNotThisLinksOwnIsCopied) {
  auto [c, d] = PriorityMessenger::new_pair();
  SharedBuffer<int> other = counted(c, 1000);
  a.send_norequest(other);
  EXPECT_TRUE(is_counted(other, 1000));
  auto forwarded = b.receive_blocking<SharedBuffer<int>>();
  other[0] = 9;
  EXPECT_TRUE(is_counted(forwarded, 1000));
  b.send_norequest(std::pair(1, std::move(forwarded)));  // a received one goes back the way it came
  EXPECT_TRUE(is_counted(a.receive_blocking<std::pair<int, SharedBuffer<int>>>().second, 1000));
}

TEST_F(OneProcessLoans, TheLimitsHoldForThem) {
  auto [c, d] = PriorityMessenger::new_pair({.max_message_bytes = 100'000, .max_queued_bytes = 300'000});
  EXPECT_THROW((void)c.loan(100'001), coproc::MessageTooLargeError);
  EXPECT_THROW((void)c.loan<double>(~std::size_t{0} / 4), coproc::MessageTooLargeError);
  std::pair two(c.loan(60'000), c.loan(60'000));
  EXPECT_THROW(c.send_norequest(two), coproc::MessageTooLargeError);
  EXPECT_EQ(two.second.size(), 60'000u);
  EXPECT_THROW(c.send_norequest(std::pair(std::string(90'000, 'x'), std::string(90'000, 'y'))),
               coproc::MessageTooLargeError);
  EXPECT_THROW(c.send_norequest(c.loan(100'000)), coproc::MessageTooLargeError);  // with its header
  // Three fill the inbox, however small their frames are.
  for (int i = 0; i < 10; ++i) c.send_norequest(c.loan(90'000));
  EXPECT_EQ(d.available(), 3u);
  EXPECT_THROW((void)d.receive_blocking("lane"), coproc::QueueFullError);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(d.receive_blocking<SharedBuffer<>>().size(), 90'000u);
}

TEST_F(OneProcessLoans, BatchesRepliesAndWholeInboxesWork) {
  std::vector<SharedBuffer<int>> batch;
  for (int i = 0; i < 20; ++i) batch.push_back(counted(a, 10'000, i));
  const auto ids = a.send_request_multiple(batch);
  for (const auto& sent : batch) EXPECT_TRUE(sent.empty());
  const auto received = b.receive_available<SharedBuffer<int>>();
  ASSERT_EQ(received.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(is_counted(received[static_cast<std::size_t>(i)], 10'000, i));
    b.send_reply(counted(b, 100, i));
  }
  EXPECT_TRUE(is_counted(a.receive_reply<SharedBuffer<int>>(ids[7]), 100, 7));
  for (const auto& reply : a.receive_remaining<SharedBuffer<int>>()) EXPECT_EQ(reply.size(), 100u);
}
