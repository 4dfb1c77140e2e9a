// A state that is saved with a reply: both or neither, so that each request changes the state exactly once.
#include <gmock/gmock.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scenario/saved_states.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::RestartOptions;
using coproc::this_worker::restored;
using testing::ElementsAre;

namespace {

using Texts = std::vector<std::string>;

}  // namespace

TEST(SupervisedSaveAndReply, InManyPiecesAreBothOrNeither) {
  // Lists of short texts, which are not lent.
  constexpr std::size_t kSmall = 1, kLarge = 20'000;
  for (const auto& [state, answer] :
       {std::pair(kSmall, kLarge), std::pair(kLarge, kSmall), std::pair(kLarge, kLarge)}) {
    const auto save_pieces = [state = state, answer = answer](PriorityMessenger& host, Shared& shared) {
      host.save(Texts{"older"});
      (void)host.receive_blocking();
      ++shared.returned;
      host.save_and_reply(Texts(state, "newer"), Texts(answer, "answer"));  // waits, as nobody receives
    };
    const auto answer_all = [](PriorityMessenger& host, Shared&) {
      for (;;) {
        (void)host.receive_blocking();
        host.send_reply(Texts{restored<Texts>().value().front()});
      }
    };
    Lives lives({save_pieces, answer_all}, resending(), 16384);
    const RequestId id = lives.messenger().send_request(1);
    lives.wait_until_returned(1);
    std::this_thread::sleep_for(20ms);  // not needed to pass: so that there are pieces
    lives.kill_now();
    EXPECT_THAT(lives.messenger().receive_reply<Texts>(id), ElementsAre("older"));
  }
}

TEST(SupervisedSaveAndReply, TheStateCountsAlsoIfTheReplyIsNotWanted) {
  const auto life = [](PriorityMessenger& host, Shared& shared) {
    (void)host.receive_blocking();
    while (!shared.may_go_on) std::this_thread::yield();
    host.save_and_reply(8, 1);
    die();
  };
  Lives lives({life, tell});
  lives.messenger().discard_reply(lives.messenger().send_request(1));
  lives.shared().may_go_on = true;
  EXPECT_EQ(said(lives), "8");
}

TEST(SupervisedSaveAndReply, GoesWithAnyReply) {
  const auto life = [](PriorityMessenger& host, Shared& shared) {
    const Message first = host.receive_blocking();
    const Message second = host.receive_blocking();
    host.save_and_reply_to(1, second, std::string(100'000, 's'));  // whose elements are lent
    try {
      host.save_and_reply_to(2, second, 1);
    } catch (const coproc::NoRequestError&) {
      ++shared.returned;
    }
    host.save_and_reply(3, std::string("first"), {}, {.priority = -1});
    host.save_and_reply(4, std::string("unasked"));
    const Message stream = host.receive_blocking("stream");
    host.reply_part_to(stream, 1);
    host.save_and_reply_to(5, stream, 2);
    (void)first;
    die();
  };
  Lives lives({life, tell});
  PriorityMessenger& host = lives.messenger();
  const RequestId first = host.send_request(1);
  const RequestId second = host.send_request(2);
  auto stream = host.stream<int>(3, "stream");
  EXPECT_EQ(host.receive_reply<std::string>(second), std::string(100'000, 's'));
  EXPECT_EQ(host.receive_reply<std::string>(first), "first");
  EXPECT_EQ(host.receive_blocking<std::string>(), "unasked");
  std::vector<int> parts;
  for (const int part : stream) parts.push_back(part);
  EXPECT_THAT(parts, ElementsAre(1, 2));
  EXPECT_EQ(lives.shared().returned, 1);
  EXPECT_EQ(said(lives), "5");
}

namespace {

/// Sums with ballast, so that a state takes so many bytes.
struct Sums {
  std::uint64_t count = 0;
  std::uint64_t total = 0;
  std::string ballast;
};

/// Kills this process after this time, wherever it is then.
void die_after(long ns) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  timer_t timer{};
  itimerspec once{};
  once.it_value.tv_nsec = ns;
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || ::timer_settime(timer, 0, &once, nullptr) != 0)
    ::_exit(5);
}

/// Workers that die at random moments, so many times, while they add up what they are sent.
void add_up_under_fire(std::size_t ballast, int deaths, long most_ns) {
  const auto add = [=](PriorityMessenger& host, Shared& shared) {
    Sums sums = restored<Sums>().value_or(Sums{0, 0, std::string(ballast, 'b')});
    if (shared.lives <= deaths) die_after(1 + static_cast<long>(std::random_device()()) % most_ns);
    for (;;) {
      const auto number = host.receive_blocking<std::uint64_t>();
      ++sums.count;
      sums.total += number;
      host.save_and_reply(sums, std::pair(sums.count, sums.total));
    }
  };
  RestartOptions options = resending();
  options.most = options.attempts = options.state_attempts = 1'000'000;
  Lives lives({add}, options, 16384);
  std::vector<RequestId> window;
  std::uint64_t answered = 0, total = 0;
  const auto receive = [&] {
    const auto [count, sum] =
        lives.messenger().receive_reply<std::pair<std::uint64_t, std::uint64_t>>(window[answered]);
    ++answered;
    total += answered;
    ASSERT_EQ(count, answered);
    ASSERT_EQ(sum, total);
  };
  while (lives.shared().lives <= deaths && !testing::Test::HasFailure()) {
    window.push_back(lives.messenger().send_request(static_cast<std::uint64_t>(window.size() + 1)));
    if (window.size() - answered > 20) receive();
  }
  while (answered < window.size() && !testing::Test::HasFailure()) receive();
  EXPECT_EQ(lives.messenger().remaining(), 0U);
  std::printf("%d deaths, %zu requests\n", lives.shared().lives - 1, window.size());
}

}  // namespace

TEST(SupervisedSaveAndReply, AgreeExactlyWhenWorkersAreKilledAtRandom) {
  add_up_under_fire(0, 200, 2'000'000L * COPROC_TEST_TIME_SCALE);
}
TEST(SupervisedSaveAndReply, InManyPiecesAgreeExactlyWhenWorkersAreKilledAtRandom) {
  add_up_under_fire(100'000, 100, 4'000'000L * COPROC_TEST_TIME_SCALE);
}
