// Workers that depend on each other: in which order they are started and stopped, and which of them are replaced when
// one has ended.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervisor.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "chaos/ledger.hpp"
#include "scenario/supervised_group.hpp"
#include "scenario/supervised_worker.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::Restart;
using coproc::RestartLimitError;
using coproc::RestartOptions;
using coproc::RestartReason;
using coproc::RestartWhen;
using coproc::Strategy;
using coproc::Supervised;
using coproc::Supervisor;
using coproc::SupervisorOptions;
using coproc::WorkerDiedError;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Supervisor, StartsInOrderAndStopsInReverse) {
  Group group(Strategy::one_for_one);
  EXPECT_THAT(group.pids(), ElementsAre(0, 0, 0));
  group.supervisor.start();
  group.expect_answers();
  const std::vector<ExitStatus> statuses = group.supervisor.stop();
  EXPECT_EQ(group.events->text().substr(6), "-3-2-1");
  ASSERT_EQ(statuses.size(), 3U);
  for (const ExitStatus& status : statuses) EXPECT_TRUE(status.success());
  group.supervisor.start();
  group.expect_answers();
}

TEST(Supervisor, ItsDestructorStopsInReverse) {
  chaos::Shared<Events> events;
  {
    Supervisor supervisor;
    const auto run = std::function([&](PriorityMessenger& host, int own) {
      host.send_norequest(0);
      try {
        (void)host.receive_blocking();
      } catch (const coproc::ResourceRequestedClose&) {
        events->add(-own);
      }
    });
    for (int number = 1; number <= 3; ++number) {
      supervisor.add(Member(run, {.method = coproc::StartMethod::fork}), number);
    }
    supervisor.start();
  }
  EXPECT_EQ(events->text(), "-3-2-1");
}

TEST(Supervisor, OneForOneReplacesTheOneThatHasEnded) {
  Group group(Strategy::one_for_one);
  group.supervisor.start();
  const std::vector<int> before = group.pids();
  group.let_die(2);
  group.expect_answers();
  EXPECT_THAT(group.pids(), ElementsAre(before[0], testing::AllOf(testing::Ne(before[1]), testing::Ne(0)), before[2]));
}

TEST(Supervisor, OneForAllReplacesAllAndInOrder) {
  Group group(Strategy::one_for_all);
  group.supervisor.start();
  group.expect_answers();
  const std::vector<int> before = group.pids();
  group.let_die(2);
  group.expect_answers();
  EXPECT_EQ(group.events->text().substr(6, 4), "-3-1");
  const std::vector<int> after = group.pids();
  for (std::size_t i = 0; i != 3; ++i) EXPECT_NE(before[i], after[i]);
}

TEST(Supervisor, RestForOneReplacesThoseAddedAfter) {
  Group group(Strategy::rest_for_one);
  group.supervisor.start();
  group.expect_answers();
  const std::vector<int> before = group.pids();
  group.let_die(2);
  group.expect_answers();
  EXPECT_EQ(group.events->text().substr(6), "-3+2+3");
  EXPECT_EQ(group.pids()[0], before[0]);
  group.let_die(3);
  group.expect_answers();
  EXPECT_EQ(group.events->text().substr(12), "+3");
}

/// Each start is over before the next begins, so that a worker can use what those before it have made.
TEST(Supervisor, StartsTheNextOneWhenOnRestartOfTheOneBeforeHasReturned) {
  SupervisorOptions options{.strategy = Strategy::one_for_all, .most = 1000};
  std::string order;
  Supervisor supervisor(options);
  std::vector<Supervised<decltype(&tenfold)>*> members;
  for (int number = 1; number <= 3; ++number) {
    RestartOptions restarts = at_once();
    restarts.on_restart = [&order, &members, number](const Restart& restart) {
      order += std::to_string(number) + (restart.reason == RestartReason::its_end ? "!" : "-");
      EXPECT_EQ(answer(*members[static_cast<std::size_t>(number) - 1], 4), 40);
      for (int after = number + 1; after <= 3; ++after)
        EXPECT_FALSE(members[static_cast<std::size_t>(after) - 1]->is_alive());
    };
    members.push_back(&supervisor.add(Supervised(&tenfold, {}, restarts)));
  }
  supervisor.start();
  members[1]->kill();
  EXPECT_THROW((void)members[1]->messenger().receive_blocking(), WorkerDiedError);
  EXPECT_EQ(order, "1-2!3-");
  EXPECT_THAT(members[0]->history().at(0).describe(), HasSubstr("was stopped because of another one, and exited"));
}

TEST(Supervisor, WhatTheOthersHaveAnsweredIsReceivedAndTheRestFails) {
  Group group(Strategy::one_for_all);
  group.supervisor.start();
  PriorityMessenger& other = group[1].messenger();
  const RequestId answered = other.send_request(1);
  EXPECT_EQ(answer(group[1], 5), 1005);  // so that the first one is answered, too
  group.let_die(3);
  EXPECT_EQ(other.receive_reply<int>(answered), 1001);
  EXPECT_EQ(other.remaining(), 0U);
  EXPECT_EQ(answer(group[1], 2), 1002);
}

TEST(Supervisor, RequestsOfTheOthersAreSentAgainAndNotCountedAsAttempts) {
  RestartOptions restarts = at_once();
  restarts.pending = Pending::resend;
  restarts.attempts = 2;
  chaos::Shared<std::atomic<int>> lives;
  Supervisor supervisor({.strategy = Strategy::one_for_all, .most = 1000});
  auto& store = supervisor.add(Supervised(&tenfold, {}, at_once()));
  const auto slow = [&lives](PriorityMessenger& host) {
    const int value = host.receive_blocking<int>();
    if (++*lives < 5) host.receive_blocking<std::string>();  // until it is asked to close
    host.send_reply(value);
    (void)host.receive_blocking();
  };
  auto& user = supervisor.add(
      Supervised(std::function<void(PriorityMessenger&)>(slow), {.method = coproc::StartMethod::fork}, restarts));
  supervisor.start();
  const RequestId request = user.messenger().send_request(6);
  for (int life = 1; life < 5; ++life) {
    while (*lives < life) std::this_thread::yield();
    store.kill();
    EXPECT_THROW((void)store.messenger().receive_blocking(), WorkerDiedError);
  }
  EXPECT_EQ(user.messenger().receive_reply<int>(request), 6);
}

TEST(Supervisor, OneThatEndsWithoutFailureEndsNoOther) {
  Group group(Strategy::one_for_all);
  group.supervisor.start();
  group.expect_answers();
  group[2].messenger().send_norequest(kReturns);
  EXPECT_THROW((void)group[2].messenger().receive_blocking(), WorkerDiedError);
  EXPECT_FALSE(group[2].is_alive());
  EXPECT_EQ(answer(group[3], 1), 3001);
  group.let_die(1);
  EXPECT_EQ(answer(group[1], 1), 1001);
  EXPECT_EQ(answer(group[3], 1), 3001);
  EXPECT_FALSE(group[2].is_alive()) << "it had ended for good";
  EXPECT_TRUE(group[2].history().empty());
}

TEST(Supervisor, OneThatIsNeverStartedAgainIsStoppedWithTheOthers) {
  RestartOptions never = at_once();
  never.when = RestartWhen::never;
  Group group({.strategy = Strategy::one_for_all, .most = 1000}, 2);
  Member& once = group.add(never);
  group.supervisor.start();
  group.let_die(1);
  EXPECT_FALSE(once.is_alive());
  EXPECT_EQ(answer(group[2], 1), 2001);
  EXPECT_THROW((void)once.messenger().receive_blocking(), WorkerDiedError);
}

TEST(Supervisor, OneThatHasMadePlaceIsStartedWithTheOthers) {
  Group group({.strategy = Strategy::one_for_all, .most = 1000}, 1);
  RestartOptions recycled = at_once();
  recycled.recycle.requests = 1;
  group.add(recycled);
  group.supervisor.start();
  EXPECT_EQ(answer(group[2], 7), 2007);
  wait_for_end(group[2]);  // the receive has told it
  group.let_die(1);
  group.expect_answers();
}

TEST(Supervisor, EndsThatNobodyHasNoticedAreReplacedTogether) {
  Group group(Strategy::one_for_all);
  group.supervisor.start();
  group.expect_answers();
  for (int number = 1; number <= 3; ++number) group[number].kill();
  for (int number = 1; number <= 3; ++number) wait_for_end(group[number]);
  group.let_die(2);
  group.expect_answers();
  EXPECT_EQ(group.events->count, 6U) << "each was started again once: " << group.events->text();
}

/// The end is that of another worker, so that it is told by the messenger of that one.
TEST(Supervisor, CallsOfTheOthersGoOn) {
  Group group({.strategy = Strategy::one_for_all, .most = 1000}, 0);
  RestartOptions slowly = at_once();
  slowly.backoff.first = 20ms;
  group.add(slowly);
  group.add(at_once());
  group.supervisor.start();
  group.expect_answers();
  for (int i = 0; i < 3; ++i) {
    group[1].kill();
    wait_for_end(group[1]);
    try {
      EXPECT_EQ(group[1].messenger().receive_for(0s), std::nullopt);
      EXPECT_FALSE(group[2].is_alive());
    } catch (const WorkerDiedError&) {
      // It has lived for longer than its delay, and both were started at once.
    }
    EXPECT_EQ(answer(group[2], 1), 2001);
    EXPECT_EQ(answer(group[1], 1), 1001);
  }
}

// ---- waits ----

/// One that waits for its backoff keeps those that depend on it waiting, whichever of them is called.
TEST(Supervisor, NoneIsStartedBeforeTheOneThatItDependsOn) {
  RestartOptions slowly{.most = 1, .within = 2h, .backoff = {.first = 1h, .most = 1h}};
  Group group({.strategy = Strategy::rest_for_one, .most = 1000}, 0);
  group.add(slowly);
  group.add(at_once());
  group.supervisor.start();
  group.expect_answers();
  group[1].kill();
  wait_for_end(group[1]);
  EXPECT_EQ(group[1].messenger().receive_for(1ms), std::nullopt);
  EXPECT_FALSE(group[2].is_alive());
  EXPECT_EQ(group[2].messenger().receive_for(1ms), std::nullopt);
  EXPECT_FALSE(group[2].is_alive());
  std::thread stopper([&] { group.supervisor.stop(); });
  EXPECT_THROW((void)group[2].messenger().receive_blocking(), WorkerDiedError);
  stopper.join();
  EXPECT_THAT(group.pids(), ElementsAre(0, 0));
}

/// A program with a loop looks at each of its workers when that has said so.
TEST(Supervisor, ALookAtOneThatWasStoppedWithAnotherTellsWhenBothAreStarted) {
  RestartOptions options;
  options.backoff = {.first = 1h, .spread = 0};
  options.within = 24h;
  Group group({.strategy = Strategy::one_for_all}, 2, options);
  group.supervisor.start();
  group[1].kill();
  wait_for_end(group[1]);
  EXPECT_EQ(group[1].messenger().receive_for(0s), std::nullopt);
  for (int i = 0; i < 2; ++i) {
    const auto next = group[2].look();
    EXPECT_GT(next, 0s);
    EXPECT_LE(next, 1h);
  }
}

TEST(Supervisor, ALookAtOneThatWasStoppedWithAnotherStartsBoth) {
  RestartOptions options;
  options.backoff = {.first = 300ms, .spread = 0};
  Group group({.strategy = Strategy::one_for_all}, 2, options);
  group.supervisor.start();
  group[1].kill();
  wait_for_end(group[1]);
  try {
    EXPECT_EQ(group[1].messenger().receive_for(0s), std::nullopt);
  } catch (const WorkerDiedError&) {
    // To find the end and to stop the other one took longer than the delay.
  }
  while (!group[2].is_alive()) {
    try {
      (void)group[2].look();
    } catch (const WorkerDiedError&) {
      // It was started.
    }
  }
  EXPECT_TRUE(group[1].is_alive());
  group.expect_answers();
}

TEST(Supervisor, AnInterruptEndsTheWaitForAnotherOne) {
  RestartOptions slowly{.most = 1, .within = 2h, .backoff = {.first = 1h, .most = 1h}};
  Group group({.strategy = Strategy::rest_for_one, .most = 1000}, 0);
  group.add(slowly);
  group.add(at_once());
  group.supervisor.start();
  group[1].kill();
  wait_for_end(group[1]);
  EXPECT_EQ(group[1].messenger().receive_for(1ms), std::nullopt);
  PriorityMessenger& caller = group[2].messenger();
  std::atomic<bool> is_over = false;
  std::thread interrupter([&] {
    while (!is_over) {
      caller.interrupt();
      std::this_thread::sleep_for(1ms);
    }
  });
  EXPECT_THROW((void)caller.receive_blocking(), coproc::InterruptedError);
  is_over = true;
  interrupter.join();
}

// ---- adding ----

TEST(Supervisor, OneThatIsAddedLaterIsStartedAtOnce) {
  Group group(Strategy::rest_for_one);
  group.supervisor.start();
  Member& late = group.add(at_once());
  EXPECT_TRUE(late.is_alive());
  group.expect_answers();
  group.let_die(2);
  group.expect_answers();
  EXPECT_EQ(late.history().size(), 1U);
}

TEST(Supervisor, OneThatIsAddedAfterAStopIsNotStarted) {
  Group group(Strategy::one_for_one);
  group.supervisor.start();
  group.supervisor.stop();
  EXPECT_FALSE(group.add(at_once()).is_alive());
  group.supervisor.start();
  group.expect_answers();
}

TEST(Supervisor, RefusesOneThatWasStarted) {
  Supervisor supervisor;
  Supervised worker{&tenfold};
  worker.start();
  EXPECT_THROW(supervisor.add(std::move(worker)), coproc::InvalidArgumentError);
}

TEST(Supervisor, MayBeMoved) {
  Supervisor before({.strategy = Strategy::one_for_all, .most = 1000});
  auto& first = before.add(Supervised(&tenfold, {}, at_once()));
  auto& second = before.add(Supervised(&tenfold, {}, at_once()));
  before.start();
  Supervisor supervisor = std::move(before);
  first.kill();
  EXPECT_THROW((void)first.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_EQ(answer(second, 4), 40);
  EXPECT_EQ(second.history().size(), 1U);
}
