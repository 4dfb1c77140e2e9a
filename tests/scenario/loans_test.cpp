// Loans between the two ends of a pair in one process, and between hosts and workers.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <array>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::SharedBuffer;
using coproc::WorkerResource;

namespace {

constexpr std::size_t kMiB = 1 << 20;

struct Frame {
  int id = 0;
  SharedBuffer<float> pixels;
};
struct Album {
  std::string name;
  std::vector<Frame> frames;
  std::optional<SharedBuffer<int>> index;
  std::variant<int, SharedBuffer<>> rest;
  std::map<int, SharedBuffer<char>> texts;
};

SharedBuffer<int> counted(coproc::Messenger& messenger, std::size_t count, int first = 0) {
  SharedBuffer<int> buffer = messenger.loan<int>(count);
  std::iota(buffer.begin(), buffer.end(), first);
  return buffer;
}
bool is_counted(const SharedBuffer<int>& buffer, std::size_t count, int first = 0) {
  if (buffer.size() != count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (buffer[i] != first + static_cast<int>(i)) return false;
  }
  return true;
}

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

// ---- with workers ----

namespace {

/// Adds to what it is sent, where it lies; sends a buffer of its own for an int.
void adder(PriorityMessenger& host) {
  while (true) {
    host.receive_blocking().match(
        [&](Frame frame) {
          for (float& pixel : frame.pixels) pixel += 1;
          auto answer = host.loan<float>(frame.pixels.size());
          std::copy(frame.pixels.begin(), frame.pixels.end(), answer.begin());
          host.send_reply(Frame{frame.id + 1, std::move(answer)});
        },
        [&](int first) { host.send_norequest(counted(host, 100'000, first)); },
        [&](const std::vector<float>& values) { host.send_reply(values); },
        [&](const SharedBuffer<int>& buffer) { host.send_norequest(is_counted(buffer, buffer.size())); });
  }
}

struct Loans : ::testing::TestWithParam<coproc::StartMethod> {
  WorkerResource<void (*)(PriorityMessenger&)> worker{adder, {.method = GetParam()}};
};

}  // namespace

TEST_P(Loans, GoBothWays) {
  worker.start();
  for (int i = 0; i < 50; ++i) {
    Frame frame{i, worker.messenger().loan<float>(kMiB)};
    frame.pixels[0] = static_cast<float>(i);
    frame.pixels[kMiB - 1] = 7;
    worker.messenger().send_request(frame);
    const auto back = worker.messenger().receive_blocking<Frame>();
    EXPECT_EQ(back.id, i + 1);
    ASSERT_EQ(back.pixels.size(), kMiB);
    EXPECT_EQ(back.pixels[0], static_cast<float>(i + 1));
    EXPECT_EQ(back.pixels[kMiB - 1], 8.0f);
  }
}

TEST_P(Loans, OutliveTheWorkerThatSentThem) {
  worker.start();
  worker.messenger().send_norequest(10);
  worker.messenger().send_norequest(20);
  auto received = worker.messenger().receive_blocking<SharedBuffer<int>>();
  const Message message = worker.messenger().receive_blocking();
  worker.kill();
  worker.join();
  EXPECT_TRUE(is_counted(received, 100'000, 10));
  EXPECT_TRUE(is_counted(message.get<SharedBuffer<int>>(), 100'000, 20));
  worker.start();
  worker.messenger().send_norequest(30);
  EXPECT_TRUE(is_counted(worker.messenger().receive_blocking<SharedBuffer<int>>(), 100'000, 30));
  EXPECT_TRUE(is_counted(received, 100'000, 10));
  // One of the first run's goes to the second's worker as a copy.
  std::iota(received.begin(), received.end(), 0);
  worker.messenger().send_norequest(received);
  EXPECT_TRUE(worker.messenger().receive_blocking<bool>());
  EXPECT_EQ(received.size(), 100'000u);
}

INSTANTIATE_TEST_SUITE_P(Method, Loans,
                         ::testing::Values(coproc::StartMethod::fork, coproc::StartMethod::fork_server,
                                           coproc::StartMethod::spawn),
                         [](const auto& method) {
                           return std::string(method.param == coproc::StartMethod::fork          ? "fork"
                                              : method.param == coproc::StartMethod::fork_server ? "fork_server"
                                                                                                 : "spawn");
                         });

TEST(LoansToWorkers, AGibibyteIsTouchedAtItsEndsOnly) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          auto buffer = host.receive_blocking<SharedBuffer<std::uint64_t>>();
                          host.send_norequest(buffer[0] + buffer[buffer.size() - 1]);
                        },
                        {.link = {.max_message_bytes = std::size_t{2} << 30}}};
  worker.start();
  auto buffer = worker.messenger().loan<std::uint64_t>((std::size_t{1} << 30) / 8);
  buffer[0] = 40;
  buffer[buffer.size() - 1] = 2;
  worker.messenger().send_norequest(std::move(buffer));
  EXPECT_EQ(worker.messenger().receive_blocking<std::uint64_t>(), 42u);
}

TEST(LoansToWorkers, AWorkerThatIsKilledKeepsNothing) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          const auto kept = host.receive_blocking<SharedBuffer<int>>();
                          host.send_norequest(1);
                          support::sleep_for_ever();
                        },
                        {.link = {.loan_bytes = kMiB}}};
  for (int i = 0; i < 3; ++i) {
    worker.start();
    worker.messenger().send_norequest(counted(worker.messenger(), 200'000));
    EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
    EXPECT_THROW((void)worker.messenger().loan(500'000), coproc::LoanError);
    worker.kill();
    worker.join();
    EXPECT_THROW((void)worker.messenger().loan(1), coproc::WorkerDiedError);
  }
}

TEST(LoansToWorkers, APairJoinsTwoWorkersWithThem) {
  const auto send = [](PriorityMessenger& host, PriorityMessenger neighbour) {
    neighbour.send_norequest(counted(neighbour, 300'000));
    (void)host.receive_for<int>(coproc::kForever);
  };
  const auto receive = [](PriorityMessenger& host, PriorityMessenger neighbour) {
    host.send_norequest(is_counted(neighbour.receive_blocking<SharedBuffer<int>>(), 300'000));
  };
  auto [left, right] = PriorityMessenger::new_pair();
  WorkerResource sender{send};
  WorkerResource receiver{receive};
  sender.start(std::move(left));
  receiver.start(std::move(right));
  EXPECT_TRUE(receiver.messenger().receive_blocking<bool>());
}

TEST(LoansToWorkers, AFreshEndOfAPairWhoseOtherEndHasLentGoesToAForkedWorker) {
  auto [left, right] = PriorityMessenger::new_pair();
  left.send_norequest(counted(left, 1000));
  WorkerResource worker{[](PriorityMessenger& host, PriorityMessenger neighbour) {
                          host.send_norequest(is_counted(neighbour.receive_blocking<SharedBuffer<int>>(), 1000));
                          neighbour.send_norequest(counted(neighbour, 500));
                        },
                        {.method = coproc::StartMethod::fork}};
  worker.start(std::move(right));
  EXPECT_TRUE(worker.messenger().receive_blocking<bool>());
  EXPECT_TRUE(is_counted(left.receive_blocking<SharedBuffer<int>>(), 500));
  // One that has lent itself cannot go.
  auto [a, b] = PriorityMessenger::new_pair();
  b.send_norequest(counted(b, 1000));
  WorkerResource other{[](PriorityMessenger&, PriorityMessenger) {}, {.method = coproc::StartMethod::fork}};
  EXPECT_THROW(other.start(std::move(b)), coproc::InvalidArgumentError);
}

TEST(LoansToWorkers, AStartArgumentIsACopy) {
  WorkerResource worker{[](PriorityMessenger& host, const SharedBuffer<int>& buffer) {
                          host.send_norequest(is_counted(buffer, 1000));
                          host.send_norequest(buffer);
                        },
                        {.method = coproc::StartMethod::fork_server}};
  auto [a, b] = PriorityMessenger::new_pair();
  worker.start(counted(a, 1000));
  EXPECT_TRUE(worker.messenger().receive_blocking<bool>());
  EXPECT_TRUE(is_counted(worker.messenger().receive_blocking<SharedBuffer<int>>(), 1000));
}

TEST(LoansToWorkers, AForkedChildHasNoneAndGivesNothingBack) {
  auto [a, b] = PriorityMessenger::new_pair({.loan_bytes = kMiB});
  a.send_norequest(counted(a, 100'000));
  std::optional received(b.receive_blocking<SharedBuffer<int>>());
  std::optional unsent(counted(a, 50'000));
  a.send_norequest(std::string(100'000, 'x'));
  std::optional message(b.receive_blocking());
  const pid_t child = ::fork();
  if (child == 0) {
    const auto throws = [](auto& buffer) {
      try {
        (void)buffer->data();
        return false;
      } catch (const coproc::NotOwnerError&) {
        return true;
      }
    };
    bool all = throws(received) && throws(unsent);
    try {
      (void)message->get<std::string>();
      all = false;
    } catch (const coproc::NotOwnerError&) {}
    received.reset();
    unsent.reset();
    ::_exit(all ? 0 : 1);
  }
  EXPECT_EQ(support::end_of(child), "exit 0");
  EXPECT_THROW((void)a.loan(500'000), coproc::LoanError);
  EXPECT_TRUE(is_counted(*received, 100'000));
  EXPECT_TRUE(is_counted(*unsent, 50'000));
  received.reset();
  unsent.reset();
  message.reset();
  EXPECT_EQ(a.loan(kMiB).size(), kMiB);
}

TEST(LoansToWorkers, AForkedWorkerMapsNothingOfAnothersLoans) {
  WorkerResource first{adder};
  first.start();
  first.messenger().send_norequest(1);
  const auto kept = first.messenger().receive_blocking<SharedBuffer<int>>();
  WorkerResource second{[](PriorityMessenger& host) {
                          std::ifstream maps("/proc/self/maps");
                          int links = 0;
                          for (std::string line; std::getline(maps, line);)
                            links += line.find("coproc-link") != line.npos;
                          host.send_norequest(links);
                        },
                        {.method = coproc::StartMethod::fork}};
  second.start();
  EXPECT_EQ(second.messenger().receive_blocking<int>(), 1);  // its own header and rings
  EXPECT_TRUE(is_counted(kept, 100'000, 1));
}
