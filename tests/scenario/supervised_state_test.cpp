// State that survives: what a worker saves is given to the next one, whenever and however it ends.
#include <gmock/gmock.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "programs.hpp"
#include "scenario/saved_states.hpp"

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
