// A worker that takes long to start, or to get ready, holds nobody up but who starts it.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using namespace pool_test;

namespace {

/// Until it is let go on no worker can be started: the fork server answers nobody.
class StoppedForkServer {
 public:
  StoppedForkServer() : pid_(support::fork_server_of(::getpid())) {
    if (pid_ <= 0 || ::kill(pid_, SIGSTOP) != 0) {
      ADD_FAILURE() << "there is no fork server to be stopped";
      return;
    }
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOWAIT), 0);
  }
  StoppedForkServer(const StoppedForkServer&) = delete;
  StoppedForkServer& operator=(const StoppedForkServer&) = delete;
  ~StoppedForkServer() { go_on(); }
  void go_on() {
    if (pid_ > 0) ::kill(std::exchange(pid_, -1), SIGCONT);
  }

 private:
  pid_t pid_;
};

/// Its worker is replaced at once, since it was able to run something.
void die() { ::kill(::getpid(), SIGKILL); }

class PoolSlowStarts : public testing::TestWithParam<bool> {};

TEST_P(PoolSlowStarts, HoldNobodyUpButWhoStarts) {
  const support::TemporaryFile go, began;
  coproc::PoolOptions options{.workers = 3, .window = 1, .background = GetParam()};
  options.worker.start_timeout = coproc::kForever;
  Pool pool{options};
  (void)pool.map(square, numbers(100)).collect();  // all are ready
  auto held =
      pool.submit([](const std::string& mark, const std::string& path) { return leave_mark(mark), wait_for(path); },
                  began.path(), go.path());
  wait_for(began.path());

  StoppedForkServer server;
  std::jthread driver([&] { EXPECT_EQ(held.get(), 1); });
  auto deadly = pool.submit(&die);
  while (pool.pids().size() == 3) std::this_thread::yield();

  // One thread is in the start now.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.submit(square, i).get(), i * i);
  EXPECT_EQ(pool.map(square, numbers(50)).collect().size(), 50U);
  EXPECT_EQ(pool.pending(), 1U);
  EXPECT_FALSE(pool.insights().workers.empty());
  auto waits = pool.submit(&wait_for, go.path());
  auto behind = pool.submit(square, 3);
  EXPECT_FALSE(behind.wait_for(0s));
  EXPECT_TRUE(behind.cancel());
  EXPECT_EQ(pool.pids().size(), 2U);

  leave_mark(go.path());
  EXPECT_EQ(waits.get(), 1);
  server.go_on();
  driver.join();
  EXPECT_THROW(deadly.get(), coproc::WorkerDiedError);
  expect_usable(pool);
}

INSTANTIATE_TEST_SUITE_P(Driven, PoolSlowStarts, testing::Bool(),
                         [](const auto& driven) { return std::string(driven.param ? "ByAThread" : "ByWhoWaits"); });

TEST(PoolSlowStart, APoolIsStoppedWhileAWorkerIsStarted) {
  coproc::PoolOptions options{.workers = 2, .background = true};
  options.worker.start_timeout = coproc::kForever;
  Pool pool{options};
  expect_usable(pool);
  StoppedForkServer server;
  auto deadly = pool.submit(&die);
  while (pool.pids().size() == 2) std::this_thread::yield();
  const std::jthread other([&] { server.go_on(); });
  pool.stop();
}

/// A pool in a loop, one of whose two workers has ended, and cannot be replaced before the fork server goes on.
struct Looped {
  explicit Looped(coproc::StartMethod method = coproc::StartMethod::automatic) : pool(options(method)) {
    expect_usable(pool);
    server.emplace();
    auto deadly = pool.submit(&die);
    while (!deadly.is_done()) turn();
    EXPECT_THROW(deadly.get(), coproc::WorkerDiedError);
  }
  static coproc::PoolOptions options(coproc::StartMethod method) {
    coproc::PoolOptions all{.workers = 2};
    all.worker.method = method;
    all.worker.start_timeout = coproc::kForever;
    return all;
  }
  void turn() {
    pollfd entry{pool.native_handle(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, -1), 1);
    pool.poll();
  }
  /// The worker that is there does the work meanwhile.
  void expect_goes_on() {
    for (int i = 0; i < 20; ++i) {
      auto task = pool.submit(square, i);
      while (!task.is_done()) turn();
      EXPECT_EQ(task.get(), i * i);
    }
    EXPECT_EQ(pool.pids().size(), 1U);
  }

  Pool<> pool;
  std::optional<StoppedForkServer> server;
};

TEST(PoolSlowStart, ALoopGoesOnMeanwhile) {
  Looped looped;
  looped.expect_goes_on();
  pollfd entry{looped.pool.native_handle(), POLLIN, 0};
  while (::poll(&entry, 1, 100) == 1) looped.pool.poll();  // the start that is under way does not keep it awake
  looped.server->go_on();
  while (looped.pool.pids().size() != 2) looped.turn();
  expect_usable(looped.pool);
}

TEST(PoolSlowStart, WhoWaitsGoesOnWithAStartThatALoopHasAskedFor) {
  Looped looped;
  looped.expect_goes_on();
  const std::jthread other([&] { looped.server->go_on(); });
  while (looped.pool.pids().size() != 2) EXPECT_EQ(looped.pool.submit(square, 3).get(), 9);
}

TEST(PoolSlowStart, APoolIsStoppedWhileItsLoopHasAskedForAWorker) {
  Looped looped;
  looped.expect_goes_on();
  const std::jthread other([&] { looped.server->go_on(); });
  looped.pool.stop();
  EXPECT_TRUE(looped.pool.pids().empty());
}

TEST(PoolSlowStart, APoolIsDestroyedWhileItsLoopHasAskedForAWorker) {
  Looped looped;
  looped.expect_goes_on();
}

TEST(PoolEventLoop, AsksForWorkersThatAreNewPrograms) {
  coproc::PoolOptions options{.workers = 1};
  options.worker.method = coproc::StartMethod::spawn;
  Pool pool{options};
  pollfd entry{pool.native_handle(), POLLIN, 0};
  for (int i = 0; i < 3; ++i) {
    auto deadly = pool.submit(&die);
    auto task = pool.submit(square, i);
    while (!task.is_done()) {
      ASSERT_EQ(::poll(&entry, 1, -1), 1);
      pool.poll();
    }
    EXPECT_EQ(task.get(), i * i);
  }
}

/// The worker in the second place is not ready until the file has something in it.
struct SlowSecond {
  std::string path;
  int operator()() const { return coproc::this_worker::number() == 1 ? wait_for(path) : 1; }
};

TEST(PoolSlowStart, AWorkerWhoseInitFunctionTakesLongIsGivenNothingAndHoldsNobodyUp) {
  const support::TemporaryFile go;
  coproc::PoolOptions options{.workers = 2};
  options.worker.link.automatic_loans = false;
  Pool pool{SlowSecond{go.path()}, options};
  const std::string large(4 << 20, 'x');  // more than a link holds
  const auto length = [](const std::string& text) { return text.size(); };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(pool.submit(length, large).get(), large.size());
  expect_usable(pool);
  EXPECT_EQ(pool.insights().workers.at(1).tasks, 0U);
  leave_mark(go.path());
  while (pool.insights().workers.at(1).tasks == 0) expect_usable(pool);
}

}  // namespace
