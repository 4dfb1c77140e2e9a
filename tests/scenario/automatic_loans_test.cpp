// Large values that are lent by themselves: exactly what was sent arrives, by whichever road it comes.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <array>
#include <cmath>
#include <complex>
#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include "support/fault.hpp"
#include "support/limit.hpp"
#include "support/loans.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::SharedBuffer;
using coproc::WorkerResource;

namespace {

constexpr std::size_t kMiB = 1 << 20;
constexpr std::size_t kLeast = 64 * 1024;  // that are lent

std::string text_of(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  std::minstd_rand random(seed);
  for (char& c : text) c = static_cast<char>(random());
  return text;
}
std::vector<float> floats_of(std::size_t count) {
  std::vector<float> floats(count);
  for (std::size_t i = 0; i < count; ++i) floats[i] = std::sqrt(static_cast<float>(i));
  return floats;
}

struct Point {
  std::int32_t x = 0, y = 0;
  bool operator==(const Point&) const = default;
};
struct Scene {
  std::string name;
  std::vector<Point> points;
  std::map<int, std::vector<double>> rows;
  std::optional<std::u16string> notes;
  std::variant<int, std::vector<std::uint8_t>> image;
  std::vector<std::vector<std::complex<float>>> spectra;
  std::deque<int> no_block;
  std::vector<bool> flags;
  bool operator==(const Scene&) const = default;
};
Scene scene_of(std::size_t size) {
  Scene scene{.name = text_of(size),
              .points = std::vector<Point>(size / 8 + 1, Point{1, 2}),
              .rows = {{1, std::vector<double>(size / 8, 0.1)}, {2, {}}, {3, std::vector<double>(size / 8 + 1, 0.3)}},
              .notes = std::u16string(size / 2, u'\x1234'),
              .image = std::vector<std::uint8_t>(size + 1, 7),
              .spectra = {},
              .no_block = std::deque<int>(1000, 5),
              .flags = std::vector<bool>(1000, true)};
  scene.points.back().y = 3;
  for (std::size_t i = 0; i < 3; ++i) scene.spectra.emplace_back(size / 8 + i, std::complex<float>(1, -1));
  return scene;
}

/// Sends without being received: what fits into a ring of 4 KiB is lent.
template <class T>
bool is_lent(const T& value, coproc::LinkOptions options = {}) {
  options.ring_bytes = 4096;
  auto [a, b] = PriorityMessenger::new_pair(options);
  return a.try_send(value);
}

}  // namespace

TEST(OneProcessAutomaticLoans, LargeBlocksAreLentAndSmallOnesAreNot) {
  EXPECT_TRUE(is_lent(std::string(kLeast, 'x')));
  EXPECT_FALSE(is_lent(std::string(kLeast - 1, 'x')));
  EXPECT_TRUE(is_lent(std::vector<float>(kLeast / 4)));
  EXPECT_FALSE(is_lent(std::vector<float>(kLeast / 4 - 1)));
  EXPECT_TRUE(is_lent(scene_of(kMiB).spectra));
  EXPECT_FALSE(is_lent(std::deque<float>(kLeast)));
  EXPECT_FALSE(is_lent(std::vector<bool>(kLeast)));
  EXPECT_FALSE(is_lent(std::string(kMiB, 'x'), {.automatic_loans = false}));
}

TEST(OneProcessAutomaticLoans, WhatArrivesIsWhatWasSent) {
  for (const bool is_automatic : {true, false}) {
    auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4 * kMiB, .automatic_loans = is_automatic});
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1000}, kLeast - 16, kLeast, kLeast + 16, kMiB + 3 * 16}) {
      SCOPED_TRACE(std::to_string(size) + (is_automatic ? " lent" : " copied"));
      const std::string text = text_of(size);
      const auto floats = floats_of(size / 4);
      a.send_norequest(text);
      EXPECT_EQ(b.receive_blocking<std::string>(), text);
      a.send_norequest(std::string_view(text));
      EXPECT_EQ(b.receive_blocking<std::string>(), text);
      a.send_norequest(floats);
      EXPECT_EQ(b.receive_blocking<std::vector<float>>(), floats);
      a.send_norequest(std::span(floats));
      EXPECT_EQ(b.receive_blocking<std::vector<float>>(), floats);
    }
  }
}

TEST(OneProcessAutomaticLoans, NestedOnesToo) {
  for (const bool is_automatic : {true, false}) {
    auto [a, b] = PriorityMessenger::new_pair({.automatic_loans = is_automatic});
    std::thread sender([&a = a] {
      for (const std::size_t size : {std::size_t{100}, kLeast, 3 * kLeast + 8}) a.send_norequest(scene_of(size));
    });
    for (const std::size_t size : {std::size_t{100}, kLeast, 3 * kLeast + 8}) {
      EXPECT_TRUE(b.receive_blocking<Scene>() == scene_of(size)) << size << is_automatic;
    }
    sender.join();
  }
}

TEST(OneProcessAutomaticLoans, ArraysAndLists) {
  auto [a, b] = PriorityMessenger::new_pair();
  const auto array = std::make_unique<double[][3]>(4000);
  auto& all = *reinterpret_cast<double(*)[4000][3]>(array.get());
  all[3999][2] = 1.5;
  a.send_norequest(all);
  const auto received = b.receive_blocking<std::vector<std::array<double, 3>>>();
  ASSERT_EQ(received.size(), 4000u);
  EXPECT_EQ(received[3999][2], 1.5);
  EXPECT_TRUE(is_lent(all));
}

TEST(OneProcessAutomaticLoans, MessagesAreReadAgainAndAgain) {
  auto [a, b] = PriorityMessenger::new_pair();
  a.send_request(scene_of(kLeast));
  const auto message = b.receive_blocking();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(message.get<Scene>() == scene_of(kLeast));
  EXPECT_THROW((void)message.get<std::string>(), coproc::TypeMismatchError);
}

TEST(OneProcessAutomaticLoans, NoMoreAreOutThanMayBeQueued) {
  auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4096, .max_queued_bytes = kMiB});
  std::vector<coproc::Message> kept;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(a.try_send(text_of(300'000)));
    kept.push_back(b.receive_blocking());
  }
  EXPECT_FALSE(a.try_send(text_of(300'000)));  // it would have to go by the ring
  std::thread sender([&a = a] { a.send_norequest(text_of(300'000, 9)); });
  EXPECT_EQ(b.receive_blocking<std::string>(), text_of(300'000, 9));
  sender.join();
  kept.clear();
  EXPECT_TRUE(a.try_send(text_of(300'000)));
}

TEST(OneProcessAutomaticLoans, WithoutRoomTheyGoByTheRing) {
  auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4 * kMiB, .loan_bytes = 64 * 1024});
  const auto taken = a.loan(1);
  for (const std::size_t size : {kLeast, kMiB / 2}) {
    a.send_norequest(text_of(size));
    EXPECT_EQ(b.receive_blocking<std::string>(), text_of(size));
  }
}

TEST(OneProcessAutomaticLoans, WhereFilesMayNotBeLargeThereAreFewLoansOrNone) {
  {
    const support::Limit small(RLIMIT_FSIZE, kMiB);
    auto [a, b] = PriorityMessenger::new_pair();
    a.send_norequest(a.loan(100'000));
    EXPECT_EQ(b.receive_blocking<SharedBuffer<>>().size(), 100'000u);
    EXPECT_THROW((void)a.loan(kMiB / 2), coproc::LoanError);
  }
  const support::Limit smaller(RLIMIT_FSIZE, 200 * 1024);
  auto [a, b] = PriorityMessenger::new_pair();
  try {
    (void)a.loan(1);
    FAIL();
  } catch (const coproc::LoanError& error) {
    EXPECT_NE(std::string(error.what()).find("RLIMIT_FSIZE"), std::string::npos);
  }
  std::thread sender([&a = a] { a.send_norequest(text_of(kMiB)); });
  EXPECT_EQ(b.receive_blocking<std::string>(), text_of(kMiB));
  sender.join();
  // A buffer of another link goes by the ring, and arrives in ordinary memory.
  auto [c, d] = PriorityMessenger::new_pair({.loan_bytes = 64 * 1024});
  EXPECT_THROW((void)c.loan(1), coproc::LoanError);
}

TEST(OneProcessAutomaticLoans, ErrorsAndChannelsCopy) {
  auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4 * kMiB});
  const std::string text(kMiB, 'e');
  a.send_error(std::runtime_error(text));
  try {
    (void)b.available();
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), text);
  }
}

namespace {
/// With a codec of its own that takes part.
struct Matrix {
  std::uint32_t rows = 0;
  std::unique_ptr<double[]> cells;
  std::size_t count = 0;
};
}  // namespace
template <>
struct coproc::Codec<Matrix> {
  static constexpr std::string_view name = "Matrix";
  static void encode(Encoder& out, const Matrix& m) {
    out.scalar(m.rows);
    out.block(m.cells.get(), m.count, sizeof(double));
  }
  static Matrix decode(Decoder& in) {
    Matrix m;
    m.rows = in.scalar<std::uint32_t>();
    const auto block = in.block(sizeof(double));
    m.cells = std::make_unique<double[]>(m.count = block.count);
    in.bytes(m.cells.get(), block);
    return m;
  }
};

TEST(OneProcessAutomaticLoans, CodecsOfOnesOwnMayTakePart) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{10}, kMiB / 8}) {
    auto [a, b] = PriorityMessenger::new_pair();
    Matrix sent{2, std::make_unique<double[]>(count), count};
    std::iota(sent.cells.get(), sent.cells.get() + count, 0.5);
    a.send_norequest(sent);
    const Matrix received = b.receive_blocking<Matrix>();
    ASSERT_EQ(received.count, count);
    EXPECT_TRUE(std::equal(sent.cells.get(), sent.cells.get() + count, received.cells.get()));
    EXPECT_EQ(is_lent(sent), true);
  }
}

TEST(AutomaticLoans, WorkersEchoLargeValues) {
  for (const bool is_automatic : {true, false}) {
    WorkerResource worker{[](PriorityMessenger& host) {
                            while (true) host.send_reply(host.receive_blocking<Scene>());
                          },
                          {.method = coproc::StartMethod::fork_server, .link = {.automatic_loans = is_automatic}}};
    worker.start();
    for (int i = 0; i < 5; ++i) {
      worker.messenger().send_request(scene_of(kLeast + 8));
      EXPECT_TRUE(worker.messenger().receive_blocking<Scene>() == scene_of(kLeast + 8));
    }
  }
}

TEST(AutomaticLoans, LargeStartArgumentsArrive) {
  WorkerResource worker{[](PriorityMessenger& host, const std::string& text) { host.send_norequest(text); },
                        {.method = coproc::StartMethod::fork_server}};
  worker.start(text_of(kMiB));
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), text_of(kMiB));
}

// ---- what the system refuses ----

TEST(AutomaticLoans, EverySystemCallOfALoanMayFail) {
  for (const int error_number : {EMFILE, ENOMEM}) {
    const auto calls = support::fail_each_system_call(error_number, [] {
      auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4 * kMiB});
      a.send_norequest(text_of(kMiB));
      EXPECT_EQ(b.receive_for<std::string>(0s), text_of(kMiB));  // by the ring, where no loan can be had
      auto buffer = b.loan<int>(100'000);
      buffer[5] = 5;
      b.send_norequest(buffer);
      EXPECT_EQ((*a.receive_for<SharedBuffer<int>>(0s))[5], 5);
    });
    EXPECT_GE(calls, 10u);
  }
}

namespace {

struct Lent {
  SharedBuffer<int> numbers;
  std::string text;
};

}  // namespace

TEST(AutomaticLoans, WhateverCallFailsAReceiverLosesNothing) {
  constexpr int kMessages = 12;  // a loan takes fewer system calls
  for (const bool is_in_pieces : {false, true}) {
    WorkerResource worker{
        [](PriorityMessenger& host) {
          int errors = 0;
          for (int i = 0; i < kMessages;) {
            coproc::os::arm_fault(static_cast<std::uint64_t>(i + 1), ENOMEM);
            try {
              const auto lent = host.receive_blocking<Lent>();
              coproc::os::disarm_fault();
              host.send_norequest(support::is_counted(lent.numbers, 50'000, i++));
            } catch (const coproc::SystemLimitError&) {
              ASSERT_LT(++errors, 100);
            }
          }
        },
        // It spins, and so makes no other calls that could fail: a pipe that cannot be read is a dead host.
        {.method = coproc::StartMethod::fork, .link = {.spin = 60s}}};
    worker.start();
    auto& messenger = worker.messenger();
    for (int i = 0; i < kMessages; ++i) {
      messenger.send_norequest(Lent{support::counted(messenger, 50'000, i), text_of(is_in_pieces ? 40'000 : 10)});
      EXPECT_TRUE(messenger.receive_blocking<bool>());
    }
  }
}
