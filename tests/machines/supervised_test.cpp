// Supervised workers behind two agents, which do not tell what they have in hand, and pass on what workers save.
#include <gtest/gtest.h>
#include <unistd.h>

#include <coproc/supervised.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "machines/here.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::RequestAttemptsError;
using coproc::RequestId;

namespace {

/// Answers numbers by ten times as much, and dies of 2.
void tenfold_but_two(PriorityMessenger& host) {
  for (;;) {
    const int value = host.receive_blocking<int>();
    if (value == 2) ::kill(::getpid(), SIGKILL);
    host.send_reply(value * 10);
  }
}

}  // namespace

TEST(MachineSupervised, LimitsOfHealthAreRefused) {
  coproc::RestartOptions restarts;
  restarts.health.reply = 30s;
  coproc::Supervised worker{&tenfold_but_two, {.name = "tenfold", .machine = machines::here()}, restarts};
  EXPECT_THROW(worker.start(), coproc::InvalidArgumentError);
  EXPECT_FALSE(worker.is_alive());
}

TEST(MachineSupervised, AllThatIsUnansweredCountsAsInHand) {
  coproc::RestartOptions restarts{.most = 100, .backoff = {.then = 0s}};
  restarts.pending = coproc::Pending::resend;
  coproc::Supervised worker{&tenfold_but_two, {.name = "tenfold", .machine = machines::here()}, restarts};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  std::vector<RequestId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(messenger.send_request(i));
  EXPECT_EQ(messenger.receive_reply<int>(ids[0]), 0);
  EXPECT_EQ(messenger.receive_reply<int>(ids[1]), 10);
  for (int i = 2; i < 5; ++i)
    EXPECT_THROW((void)messenger.receive_reply<int>(ids[static_cast<std::size_t>(i)]), RequestAttemptsError) << i;
  EXPECT_EQ(worker.history().size(), 2U);
  EXPECT_EQ(messenger.receive_reply<int>(messenger.send_request(7)), 70);

  const RequestId innocent = messenger.send_request(8);  // one end alone makes nothing fail
  worker.kill();
  EXPECT_EQ(messenger.receive_reply<int>(innocent), 80);
}

namespace {

/// What a worker there adds up, with ballast of so many bytes.
struct Sums {
  std::int64_t sum = 0;
  std::string ballast;
};

/// Adds up the numbers that it is sent, over all of its lives, and dies of negative ones.
void add_up(PriorityMessenger& host, std::size_t ballast) {
  auto sums = coproc::this_worker::restored<Sums>().value_or(Sums{0, std::string(ballast, 'b')});
  for (;;) {
    const auto number = host.receive_blocking<std::int64_t>();
    if (number < 0 && sums.sum > 0) {
      sums.sum = number;
      host.save(sums);
      ::kill(::getpid(), SIGKILL);
    }
    sums.sum += number;
    host.save_and_reply(sums, sums.sum);
  }
}

}  // namespace

TEST(MachineSupervised, StateSurvivesThereToo) {
  for (const std::size_t ballast : {std::size_t{0}, std::size_t{5} << 20}) {
    coproc::RestartOptions restarts{.most = 100, .backoff = {.then = 0s}};
    restarts.pending = coproc::Pending::resend;
    restarts.attempts = 100;
    coproc::Supervised worker{&add_up, {.name = "sums", .machine = machines::here()}, restarts};
    worker.start(ballast);
    PriorityMessenger& messenger = worker.messenger();
    std::int64_t sum = 0;
    for (std::int64_t number = 1; number < 8; ++number) {
      sum += number;
      const RequestId id = messenger.send_request(number);
      if (number % 3 == 0) worker.kill();
      EXPECT_EQ(messenger.receive_reply<std::int64_t>(id), sum);
    }
    EXPECT_EQ(messenger.receive_reply<std::int64_t>(messenger.send_request(std::int64_t{-100})), -200);
    ASSERT_FALSE(worker.history().empty());
    EXPECT_GE(worker.history().back().state_bytes, ballast + sizeof(std::int64_t));
  }
}
