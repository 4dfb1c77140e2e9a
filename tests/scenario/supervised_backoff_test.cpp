// The wait for a backoff, before a supervised worker is started again: what ends it.
#include <gtest/gtest.h>
#include <signal.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "scenario/supervised_worker.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::Supervised;
using coproc::WorkerDiedError;

namespace {

/// A worker that has ended, and is to be started again in an hour.
struct Waiting {
  std::atomic<bool> is_noticed = false;
  bool was_restarted = false;
  Supervised<decltype(&tenfold)> worker;

  Waiting() : worker(&tenfold, coproc::WorkerOptions(), options()) {
    worker.start();
    worker.kill();
    wait_for_end(worker);
  }
  RestartOptions options() {
    RestartOptions options{.most = 1, .within = 2h, .backoff = {.first = 1h, .most = 1h}};
    options.unless = [this](const coproc::ExitStatus&) {
      is_noticed = true;
      return false;
    };
    options.on_restart = [this](const Restart&) { was_restarted = true; };
    return options;
  }
};

}  // namespace

TEST(SupervisedBackoff, StopEndsItsWait) {
  Waiting waiting;
  std::thread driver([&] { EXPECT_THROW((void)waiting.worker.messenger().receive_blocking(), WorkerDiedError); });
  while (!waiting.is_noticed) std::this_thread::yield();
  EXPECT_EQ(waiting.worker.stop().signal(), SIGKILL);
  driver.join();
  EXPECT_FALSE(waiting.was_restarted);
  EXPECT_FALSE(waiting.worker.is_alive());
  EXPECT_THROW((void)waiting.worker.messenger().receive_blocking(), WorkerDiedError);
}

TEST(SupervisedBackoff, AnInterruptEndsItsWait) {
  Waiting waiting;
  std::thread driver(
      [&] { EXPECT_THROW((void)waiting.worker.messenger().receive_blocking(), coproc::InterruptedError); });
  while (!waiting.is_noticed) std::this_thread::yield();
  waiting.worker.messenger().interrupt();
  driver.join();
}

TEST(SupervisedBackoff, CallsWithATimeWaitNoLonger) {
  Waiting waiting;
  PriorityMessenger& messenger = waiting.worker.messenger();
  EXPECT_EQ(messenger.receive_for<int>(1ms), std::nullopt);
  EXPECT_THROW(messenger.send_norequest(1, {}, {.timeout = 1ms}), coproc::TimeoutError);
  EXPECT_FALSE(messenger.try_send(1));
  EXPECT_EQ(messenger.try_send_request(1), std::nullopt);
  EXPECT_FALSE(waiting.was_restarted);
  EXPECT_EQ(waiting.worker.history().size(), 0U);
}
