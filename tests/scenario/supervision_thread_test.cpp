// A thread that drives supervised workers while nobody else uses them.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <coproc/coproc.hpp>
#include <coproc/supervision_thread.hpp>
#include <coproc/supervisor.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

#include "chaos/assassin.hpp"
#include "scenario/supervised_worker.hpp"

using namespace std::chrono_literals;
using coproc::Pending;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::Supervised;
using coproc::SupervisionThread;

namespace {

using Tenfold = Supervised<void (*)(coproc::PriorityMessenger&)>;

/// Waits until so many restarts were noted, which any thread may look at.
void wait_for_restarts(const Tenfold& worker, std::size_t count) {
  while (worker.history().size() < count) std::this_thread::sleep_for(1ms);
}

}  // namespace

TEST(SupervisionThread, StartsOneAgainThatNobodyCalls) {
  const chaos::NoCoreFiles none;
  std::atomic<int> told = 0;
  RestartOptions options = at_once();
  options.on_restart = [&](const Restart&) { ++told; };
  Tenfold worker{&tenfold, {}, options};
  worker.start();
  SupervisionThread thread(worker, 1ms);
  for (int i = 1; i <= 3; ++i) {
    worker.kill();
    wait_for_restarts(worker, static_cast<std::size_t>(i));
    const auto lock = thread.lock();
    EXPECT_TRUE(worker.is_alive());
    EXPECT_EQ(told, i);
    EXPECT_EQ(answer(worker, i), i * 10) << "nothing is thrown for an end that the thread has noticed";
  }
}

TEST(SupervisionThread, ARequestThatWasInHandFailsForWhoWaitsForIt) {
  Tenfold worker{&tenfold, {}, at_once()};
  worker.start();
  SupervisionThread thread(worker, 1ms);
  coproc::RequestId id{};
  {
    const auto lock = thread.lock();
    id = worker.messenger().send_request(kExits);
  }
  wait_for_restarts(worker, 1);
  const auto lock = thread.lock();
  EXPECT_THROW((void)worker.messenger().receive_reply<int>(id), coproc::WorkerDiedError);
  EXPECT_EQ(answer(worker, 4), 40);
}

void hang(coproc::PriorityMessenger& host) {
  (void)host.receive_blocking<int>();
  for (;;) ::pause();
}

TEST(SupervisionThread, EndsOneThatHangsAndThatNobodyCalls) {
  RestartOptions options = at_once();
  options.health.reply = 50ms;
  Tenfold worker{&hang, {}, options};
  worker.start();
  SupervisionThread thread(worker, 1h);  // the limit asks for more
  {
    const auto lock = thread.lock();
    (void)worker.messenger().send_request(1);
  }
  wait_for_restarts(worker, 1);
  EXPECT_TRUE(worker.history().front().status.hung);
}

TEST(SupervisionThread, SeveralThreadsUseOneWorkerWhileItIsKilled) {
  const chaos::NoCoreFiles none;
  RestartOptions options = at_once();
  options.most = 1'000'000;
  options.pending = Pending::resend;
  options.attempts = 1000;
  Tenfold worker{&tenfold, {}, options};
  worker.start();
  SupervisionThread thread(worker, 1ms);
  std::atomic<bool> is_over = false;
  const auto use = [&] {
    for (int i = 100; !is_over; ++i) {
      const auto lock = thread.lock();
      EXPECT_EQ(answer(worker, i), i * 10);
    }
  };
  std::thread first(use), second(use);
  for (std::size_t i = 1; i <= 20; ++i) {
    worker.kill();
    wait_for_restarts(worker, i);
  }
  is_over = true;
  first.join();
  second.join();
}

TEST(SupervisionThread, WhatACallbackThrowsIsThrownByTheNextLock) {
  RestartOptions options = at_once();
  bool throws = true;
  options.on_restart = [&](const Restart&) {
    if (throws) throw std::runtime_error("not this one");
  };
  Tenfold worker{&tenfold, {}, options};
  worker.start();
  SupervisionThread thread(worker, 1ms);
  worker.kill();
  wait_for_restarts(worker, 1);
  bool was_told = false;
  while (!was_told) {
    try {
      (void)thread.lock();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "not this one");
      was_told = true;
    }
  }
  const auto lock = thread.lock();
  throws = false;
  EXPECT_EQ(answer(worker, 4), 40);
}

TEST(SupervisionThread, AnUnlessThatThrowsIsAskedAgain) {
  RestartOptions options = at_once();
  std::atomic<int> asked = 0;
  options.unless = [&](const coproc::ExitStatus&) { return ++asked == 1 ? throw std::runtime_error("later") : false; };
  Tenfold worker{&tenfold, {}, options};
  worker.start();
  SupervisionThread thread(worker, 1ms);
  worker.kill();
  wait_for_restarts(worker, 1);
  EXPECT_EQ(asked, 2);
  EXPECT_THROW((void)thread.lock(), std::runtime_error);
  const auto lock = thread.lock();
  EXPECT_EQ(answer(worker, 4), 40);
}

TEST(SupervisionThread, AtTheLimitEachCallIsTold) {
  RestartOptions options = at_once();
  options.most = 1;
  Tenfold worker{&tenfold, {}, options};
  worker.start();
  SupervisionThread thread(worker, 1ms);
  worker.kill();
  wait_for_restarts(worker, 1);
  worker.kill();
  for (int i = 0; i < 2; ++i) {
    const auto lock = thread.lock();
    wait_for_end(worker);
    EXPECT_THROW((void)worker.messenger().receive_blocking(), coproc::RestartLimitError);
  }
  const auto lock = thread.lock();
  worker.start();
  EXPECT_EQ(answer(worker, 4), 40);
}

TEST(SupervisionThread, LooksAtAllWorkersOfASupervisor) {
  coproc::Supervisor group({.strategy = coproc::Strategy::one_for_all, .most = 1000});
  Tenfold& first = group.add(Tenfold(&tenfold, {}, at_once()));
  Tenfold& second = group.add(Tenfold(&tenfold, {}, at_once()));
  group.start();
  SupervisionThread thread(group, 1ms);
  second.kill();
  wait_for_restarts(first, 1);
  wait_for_restarts(second, 1);
  first.kill();
  wait_for_restarts(second, 2);
  const auto lock = thread.lock();
  EXPECT_EQ(answer(first, 4), 40);
  EXPECT_EQ(answer(second, 4), 40);
}

TEST(SupervisionThread, AStopHolds) {
  Tenfold worker{&tenfold, {}, at_once()};
  worker.start();
  const SupervisionThread thread(worker, 1ms);
  EXPECT_TRUE(worker.stop().success());
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(worker.is_alive());
}

TEST(SupervisionThread, AForkedProcessHasNone) {
  Tenfold worker{&tenfold, {}, at_once()};
  worker.start();
  auto thread = std::make_unique<SupervisionThread>(worker, 1ms);
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      (void)thread->lock();
    } catch (const coproc::NotOwnerError&) {
      thread.reset();
      ::_exit(7);
    }
    ::_exit(1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  const auto lock = thread->lock();
  EXPECT_EQ(answer(worker, 4), 40);
}

TEST(SupervisionThread, RefusesAPeriodThatIsNone) {
  Tenfold worker{&tenfold};
  EXPECT_THROW((SupervisionThread(worker, 0ns)), coproc::InvalidArgumentError);
}
