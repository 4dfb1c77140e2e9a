// State that survives: what a worker saves is given to the next one, whenever and however it ends.
#include <gmock/gmock.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "programs.hpp"
#include "scenario/lives.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::Supervised;
using coproc::WorkerDiedError;
using coproc::this_worker::restored;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// A state whose decoding always fails.
struct Picky {
  int value = 0;
};

/// Tells what it was given, for states that are numbers, and lives on.
void tell(PriorityMessenger& host, Shared&) {
  const auto state = restored<int>();
  host.send_norequest(state ? std::to_string(*state) : "nothing");
  (void)host.receive_blocking();
}
/// The same without a word of its own: it answers, which is what keeps a state.
void answer_by_state(PriorityMessenger& host, Shared&) {
  for (;;) {
    (void)host.receive_blocking();
    host.send_reply(restored<int>().value_or(-1));
  }
}
Lives::Life save_and_die(int state) {
  return [state](PriorityMessenger& host, Shared&) {
    host.save(state);
    die();
  };
}
void just_die(PriorityMessenger&, Shared&) { die(); }

/// What the present worker says; the ends before are told by errors with Pending::fail, and not with resend.
std::string said(Lives& lives) { return lives.messenger().receive_blocking<std::string>(); }

/// Adds up the numbers that it is sent, over all of its lives. A negative one kills it first.
void add_up(PriorityMessenger& host) {
  auto sum = restored<std::int64_t>();
  for (;;) {
    const auto number = host.receive_blocking<std::int64_t>();
    if (number < 0 && sum.value_or(0) > number) {
      host.save(number);
      die();
    }
    sum = sum.value_or(0) + number;
    host.save_and_reply(*sum, *sum);
  }
}

using Texts = std::vector<std::string>;

/// Sums with ballast, so that a state takes so many bytes.
struct Sums {
  std::uint64_t count = 0;
  std::uint64_t total = 0;
  std::string ballast;
};

}  // namespace

template <>
struct coproc::Codec<Picky> {
  static constexpr std::string_view name = "picky";
  static void encode(Encoder& encoder, const Picky& picky) { encoder.scalar(picky.value); }
  static Picky decode(Decoder& decoder) {
    (void)decoder.scalar<int>();
    throw DecodeError("it is picky");
  }
};

TEST(SupervisedState, TheLastOneCountsEvenIfTheWorkerDiesByTheNextInstruction) {
  Lives lives({tell, save_and_die(1), save_and_die(2), tell});
  EXPECT_EQ(said(lives), "nothing");
  lives.kill_now();
  EXPECT_EQ(said(lives), "2");
  const auto history = lives->history();
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0].state_bytes, std::nullopt);
  EXPECT_EQ(history[1].state_bytes, sizeof(int));
  EXPECT_EQ(history[2].state_bytes, sizeof(int));
  EXPECT_THAT(history[2].describe(), HasSubstr("with a state of 4 bytes"));
  EXPECT_FALSE(history[2].state_dropped);
}

TEST(SupervisedState, ItStaysForWorkersThatSaveNothing) {
  RestartOptions options = resending();
  options.backoff.reset_after = 0s;  // no end is soon
  Lives lives({save_and_die(7), just_die, just_die, just_die, tell}, options);
  EXPECT_EQ(said(lives), "7");
  EXPECT_EQ(lives->history().size(), 4U);
}

TEST(SupervisedState, IsGivenByEachStartMethod) {
  using coproc::StartMethod;
  for (const auto method : {StartMethod::fork, StartMethod::fork_server, StartMethod::spawn}) {
    Supervised worker{&add_up, {.method = method}, resending()};
    worker.start();
    PriorityMessenger& host = worker.messenger();
    for (const int number : {1, 2, 3}) {
      const RequestId id = host.send_request(std::int64_t{number});
      if (number == 2) worker.kill();
      EXPECT_EQ(host.receive_reply<std::int64_t>(id), number * (number + 1) / 2);
    }
    EXPECT_EQ(host.receive_reply<std::int64_t>(host.send_request(std::int64_t{-5})), -10);
    EXPECT_EQ(worker.history().back().state_bytes, sizeof(std::int64_t));
  }
}

TEST(SupervisedState, IsGivenToAProgram) {
  Supervised<coproc::Executable, PriorityMessenger> worker{
      coproc::Executable{EXECUTABLE_WORKER, {"saver"}}, {}, resending()};
  worker.start();
  PriorityMessenger& host = worker.messenger();
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(host.receive_reply<int>(host.send_request(i)), i * (i + 1) / 2);
    worker.kill();
  }
  EXPECT_EQ(host.receive_reply<int>(host.send_request(4)), 10);
}

TEST(SupervisedState, OfAnotherTypeIsAnError) {
  const auto ask = [](PriorityMessenger& host, Shared&) {
    try {
      (void)restored<std::string>();
    } catch (const coproc::TypeMismatchError& error) {
      host.send_norequest(std::string(error.what()));
    }
    host.send_norequest(std::to_string(restored<int>().value()));  // it can be asked for again, and rightly
    (void)host.receive_blocking();
  };
  Lives lives({save_and_die(3), ask});
  EXPECT_THAT(said(lives), testing::AllOf(HasSubstr("restored: asked for"), HasSubstr("saved int")));
  EXPECT_EQ(said(lives), "3");
}

TEST(SupervisedState, ThatCannotBeDecodedIsAnError) {
  const auto save = [](PriorityMessenger& host, Shared&) {
    host.save(Picky{1});
    die();
  };
  const auto ask = [](PriorityMessenger& host, Shared&) {
    try {
      (void)restored<Picky>();
    } catch (const coproc::DecodeError& error) {
      host.send_norequest(std::string(error.what()));
    }
    (void)host.receive_blocking();
  };
  Lives lives({save, ask});
  EXPECT_THAT(said(lives),
              testing::AllOf(HasSubstr("restored: the state that the worker before saved"), HasSubstr("it is picky")));
}

TEST(SupervisedState, ThatKillsTwiceIsDropped) {
  Lives lives({save_and_die(5), just_die, just_die, tell});
  EXPECT_EQ(said(lives), "nothing");
  const auto history = lives->history();
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[1].state_bytes, sizeof(int));
  EXPECT_FALSE(history[1].state_dropped);
  EXPECT_EQ(history[2].state_bytes, std::nullopt);
  EXPECT_TRUE(history[2].state_dropped);
  EXPECT_THAT(history[2].describe(), HasSubstr("without the state by which workers have ended"));
}

TEST(SupervisedState, ThatKillsOnceIsNotDropped) {
  Lives lives({save_and_die(5), just_die, tell});
  EXPECT_EQ(said(lives), "5");
}

TEST(SupervisedState, ThatKillsIsDroppedAsOftenAsItIsSaved) {
  Lives lives({save_and_die(5), just_die, save_and_die(6), just_die, just_die, save_and_die(7), tell});
  EXPECT_EQ(said(lives), "7");
  const auto history = lives->history();
  ASSERT_EQ(history.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(history[i].state_dropped, i == 4) << i;
}

TEST(SupervisedState, IsNotToBlameOnceItsWorkerHasAnswered) {
  Lives lives({save_and_die(5), answer_by_state});
  for (int i = 0; i < 6; ++i) {
    const RequestId id = lives.messenger().send_request(i);
    const RequestId other = lives.messenger().send_request(i);
    EXPECT_EQ(lives.messenger().receive_reply<int>(i % 2 == 0 ? id : other), 5);  // the other one is in the inbox
    lives->kill();
    wait_for_end(*lives.operator->());
    EXPECT_EQ(lives.messenger().receive_reply<int>(i % 2 == 0 ? other : id), 5);
  }
  for (const Restart& restart : lives->history()) EXPECT_FALSE(restart.state_dropped);
}

TEST(SupervisedState, IsToBlameThoughRequestsFail) {
  // A request that fails for its attempts is received like an answer, but no worker has answered.
  const auto receive_and_die = [](PriorityMessenger& host, Shared&) {
    (void)host.receive_blocking();
    die();
  };
  RestartOptions options = resending();
  options.attempts = 1;
  Lives lives({save_and_die(5), receive_and_die, receive_and_die, tell}, options);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THROW((void)lives.messenger().receive_reply<int>(lives.messenger().send_request(i)),
                 coproc::RequestAttemptsError);
  }
  EXPECT_EQ(said(lives), "nothing");
}

TEST(SupervisedState, MayTakeManyMegabytes) {
  constexpr std::size_t kSize = std::size_t{20} << 20;
  const auto save = [](PriorityMessenger& host, Shared& shared) {
    std::vector<std::uint32_t> state(kSize / 4);
    std::iota(state.begin(), state.end(), 0U);
    host.save(state);
    ++shared.returned;
    die();
  };
  const auto check = [](PriorityMessenger& host, Shared&) {
    const auto state = restored<std::vector<std::uint32_t>>().value();
    bool is_right = state.size() == kSize / 4;
    for (std::size_t i = 0; i < state.size(); ++i) is_right = is_right && state[i] == i;
    host.send_norequest(is_right ? "right" : "wrong");
    (void)host.receive_blocking();
  };
  for (const auto method : {coproc::StartMethod::fork, coproc::StartMethod::fork_server}) {
    if (method == coproc::StartMethod::fork) {
      Lives lives({save, check});
      EXPECT_EQ(said(lives), "right");
      EXPECT_EQ(lives->history().at(0).state_bytes, kSize + 8);
      continue;
    }
    struct Large {
      static void run(PriorityMessenger& host, std::size_t size) {
        if (const auto state = restored<std::string>()) {
          host.send_norequest(*state == std::string(size, 'x') ? "right" : "wrong");
          (void)host.receive_blocking();
        }
        host.save(std::string(size, 'x'));
        die();
      }
    };
    Supervised worker{&Large::run, {.method = method}, resending()};
    worker.start(kSize);
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "right");
  }
}

TEST(SupervisedState, IsRefusedInTheWorkerIfItIsTooLarge) {
  const auto save = [](PriorityMessenger& host, Shared&) {
    host.save(std::string(900, 'a'));
    for (const bool replies : {false, true}) {
      try {
        replies ? host.save_and_reply(std::string(1100, 'b'), 1) : host.save(std::string(1100, 'b'));
        host.send_norequest("saved");
      } catch (const coproc::MessageTooLargeError& error) {
        host.send_norequest(std::string(error.what()));
      }
    }
    die();
  };
  const auto ask = [](PriorityMessenger& host, Shared&) {
    host.send_norequest(restored<std::string>().value());
    (void)host.receive_blocking();
  };
  RestartOptions options = resending();
  options.max_state_bytes = 1000;
  Lives lives({save, ask}, options);
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(said(lives), testing::AllOf(HasSubstr("more than the 1000 bytes"), HasSubstr("max_state_bytes")));
  EXPECT_EQ(said(lives), std::string(900, 'a'));
}

TEST(SupervisedState, IsNotKeptIfTheOptionsSayNone) {
  RestartOptions options = resending();
  options.max_state_bytes = 0;
  Lives lives({save_and_die(1), tell}, options);
  EXPECT_EQ(said(lives), "nothing");
}

TEST(SupervisedState, IsGivenBeforeOnRestartIsCalled) {
  RestartOptions options = at_once();
  std::vector<std::optional<std::size_t>> given;
  Lives* all = nullptr;
  options.on_restart = [&](const Restart& restart) {
    given.push_back(restart.state_bytes);
    (void)all->messenger().send_request(0, "first");
  };
  const auto answer_first = [](PriorityMessenger& host, Shared&) {
    (void)host.receive_blocking("first");
    host.send_reply(restored<int>().value(), "first");
    (void)host.receive_blocking();
  };
  Lives lives({tell, save_and_die(4), answer_first}, options);
  all = &lives;
  EXPECT_EQ(said(lives), "nothing");
  lives.kill_now();
  for (int i = 0; i < 2; ++i) EXPECT_THROW((void)lives.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_EQ(lives.messenger().receive_blocking<int>("first"), 4);
  EXPECT_THAT(given, ElementsAre(std::nullopt, std::optional(sizeof(int))));
}

TEST(SupervisedState, IsForgottenByAStop) {
  Lives lives({save_and_die(1), tell, tell});
  EXPECT_EQ(said(lives), "1");
  lives->stop();
  lives->start();
  EXPECT_EQ(said(lives), "nothing");
}

TEST(SupervisedState, SavedBehindAFullInboxCounts) {
  const auto flood = [](PriorityMessenger& host, Shared& shared) {
    for (int i = 0; i < 40; ++i) host.send_norequest(i, "log");
    host.save(9);
    (void)host.receive_blocking();
    host.save_and_reply(10, 11);
    shared.may_go_on = true;
    die();
  };
  chaos::Shared<Shared> shared;
  Supervised<Target> worker(
      Target([&](PriorityMessenger& host) { shared->lives++ == 0 ? flood(host, *shared) : tell(host, *shared); }),
      {.method = coproc::StartMethod::fork, .link = {.max_queued_bytes = 2000}}, resending());
  worker.start();
  const RequestId id = worker.messenger().send_request(1);
  while (!shared->may_go_on) std::this_thread::yield();
  wait_for_end(worker);
  while (worker.history().empty()) worker.messenger().send_norequest(0, "a send may find the end first");
  for (int i = 0; i < 40; ++i) EXPECT_EQ(worker.messenger().receive_blocking<int>("log"), i);
  EXPECT_EQ(worker.messenger().receive_reply<int>(id), 11);
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "10");
}

TEST(SupervisedState, TakesSpaceInTheLinkUntilTheHostLooks) {
  const auto save_all = [](PriorityMessenger& host, Shared& shared) {
    try {
      for (;; ++shared.returned) host.save(shared.returned.load(), {.timeout = 0s});
    } catch (const coproc::TimeoutError&) {
      shared.may_go_on = true;
    }
    host.save(-1);  // waits until the host looks
    die();
  };
  Lives lives({save_all, tell}, resending(), 4096);
  while (!lives.shared().may_go_on) std::this_thread::yield();
  EXPECT_GT(lives.shared().returned, 50);
  EXPECT_EQ(said(lives), "-1");
}

TEST(SupervisedState, AndReplyInManyPiecesAreBothOrNeither) {
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

TEST(SupervisedState, CountsAlsoIfItsReplyIsNotWanted) {
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

TEST(SupervisedState, GoesWithAnyReply) {
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

TEST(SupervisedState, HasNoEffectWithoutASupervised) {
  struct Plain {
    static void run(PriorityMessenger& host) {
      host.save(1);
      host.save(std::string(std::size_t{100} << 20, 'a'));
      for (;;) {
        const Message message = host.receive_blocking();
        message.get<int>() == 1 ? host.save_and_reply(2, restored<int>().value_or(-1))
                                : host.save_and_reply_to(2, message, restored<int>().value_or(-1));
      }
    }
  };
  coproc::WorkerResource worker{&Plain::run};
  for (int i = 0; i < 2; ++i) {
    worker.start();
    EXPECT_EQ(worker.messenger().receive_reply<int>(worker.messenger().send_request(1)), -1);
    EXPECT_EQ(worker.messenger().receive_reply<int>(worker.messenger().send_request(2)), -1);
    EXPECT_EQ(worker.messenger().available(), 0U);
    worker.stop();
  }
  auto [a, b] = PriorityMessenger::new_pair();
  a.save(1);
  EXPECT_FALSE(b.receive_for(0s));
  EXPECT_EQ(restored<int>(), std::nullopt);
}

TEST(SupervisedState, IsNotThatOfAWorkerOfTheWorker) {
  const auto life = [](PriorityMessenger& host, Shared&) {
    const auto inner = [](PriorityMessenger& outer) { outer.send_norequest(restored<int>().value_or(-1)); };
    coproc::WorkerResource worker{inner, {.method = coproc::StartMethod::fork}};
    worker.start();
    host.send_norequest(std::to_string(worker.messenger().receive_blocking<int>() + restored<int>().value()));
    worker.stop();
    (void)host.receive_blocking();
  };
  Lives lives({save_and_die(50), life});
  EXPECT_EQ(said(lives), "49");
}

TEST(SupervisedState, IsRefusedBehindTheEndOfMessages) {
  const auto life = [](PriorityMessenger& host, Shared& shared) {
    host.save(1);
    host.send_end();
    try {
      host.save(2);
    } catch (const coproc::LinkClosedError&) {
      ++shared.returned;
    }
    die();
  };
  Lives lives({life, tell});
  lives.wait_until_returned(1);
  EXPECT_THROW((void)lives.messenger().receive_blocking(), coproc::EndOfWorkersMessages);
  wait_for_end(*lives.operator->());  // until then its end of messages is told again
  EXPECT_EQ(said(lives), "1");
}

namespace {

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

TEST(SupervisedState, AndRepliesAgreeExactlyWhenWorkersAreKilledAtRandom) {
  add_up_under_fire(0, 200, 2'000'000L * COPROC_TEST_TIME_SCALE);
}
TEST(SupervisedState, InManyPiecesAndRepliesAgreeExactlyWhenWorkersAreKilledAtRandom) {
  add_up_under_fire(100'000, 100, 4'000'000L * COPROC_TEST_TIME_SCALE);
}
