// What a pool does with a worker that cannot be ended, or does not read: it goes on with another, and holds nobody up.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <fstream>
#include <string>
#include <variant>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::TaskTimeoutError;
using namespace pool_test;

namespace {

void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

/// A child of the task's own traces it, until `release` has something in it: SIGKILL ends the task's process, but
/// nobody can take its end while the tracer lives.
int be_traced(const std::string& began, const std::string& release) {
  const pid_t self = ::getpid(), host = ::getppid();
  ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  if (::fork() == 0) {
    ::setsid();
    if (::ptrace(PTRACE_SEIZE, self, 0, 0) != 0) leave_mark(release);
    leave_mark(began);
    // Its parent is the worker that is killed: it is the test's process, which the watchdog may end, that it must not
    // outlive.
    while (std::ifstream(release).peek() == EOF && ::kill(host, 0) == 0) ::usleep(1000);
    ::_exit(0);
  }
  wait_for(began);
  block_signals();
  support::sleep_for_ever();
}

TEST(PoolUnkillable, AWorkerThatItsChildTracesIsGivenUpAndOthersAreNotHeldUp) {
  const support::TemporaryFile began, release;
  {
    coproc::PoolOptions options{.workers = 1};
    options.worker.stop.kill = 0ms;
    Pool pool{options};
    auto traced = pool.submit({.time_limit = 100ms}, be_traced, began.path(), release.path());
    auto other = pool.submit(square, 3);
    EXPECT_EQ(other.get(), 9);  // by the worker that has taken its place
    EXPECT_THROW(traced.get(), TaskTimeoutError);
    if (release.text().empty()) {
      EXPECT_EQ(pool.insights().workers.at(0).starts, 2U);
    }
    expect_usable(pool);
    leave_mark(release.path());
  }
  expect_usable(*std::make_unique<Pool<>>(coproc::PoolOptions{.workers = 1}));
}

TEST(PoolUnkillable, APoolGoesOnWhereItsHostMayNotSignalAWorker) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can give its rights up";
  const std::string told = support::in_host([]() -> std::string {
    coproc::PoolOptions options{.workers = 1};
    options.worker.stop = {.close = 100ms, .terminate = 0ms, .kill = 0ms};
    options.worker.method = coproc::StartMethod::fork;
    Pool pool{options};
    auto stays = pool.submit({.time_limit = 100ms}, [] {
      block_signals();
      // Nothing but itself can end it once its host is gone.
      for (const pid_t host = ::getppid(); ::getppid() == host;) ::usleep(1000);
      ::_exit(0);
    });
    while (pool.insights().workers.at(0).start_time.count() == 0) (void)stays.wait_for(1ms);
    if (::setresuid(65534, 65534, 65534) != 0) return "setresuid";
    std::string text;
    try {
      stays.get();
    } catch (const TaskTimeoutError&) {
      text = "timed out";
    }
    return text + ", " + std::to_string(pool.submit(square, 3).get());
  });
  EXPECT_EQ(told, "timed out, 9");
}

TEST(PoolUnkillable, ALargeArgumentGoesToAnIdleWorkerInPieces) {
  coproc::PoolOptions options{.workers = 2};
  options.worker.link.automatic_loans = false;
  options.worker.link.ring_bytes = 16 * 1024;
  Pool pool{options};
  const auto length = [](const std::string& text) { return text.size(); };
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 20; ++i) texts.emplace_back(i * i * 1000, 'x');
  const std::vector<std::size_t> lengths = pool.map(length, texts);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(lengths[i], i * i * 1000);
}

TEST(PoolUnkillable, AWorkerThatStopsInTheMiddleOfALargeArgumentHoldsNobodyUp) {
  coproc::PoolOptions options{.workers = 2, .window = 1};
  options.worker.link.automatic_loans = false;
  Pool pool{options};
  (void)pool.map(square, numbers(100)).collect();  // all are ready
  const int stopped = pool.pids().at(0);
  ::kill(stopped, SIGSTOP);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(stopped), &info, WSTOPPED | WNOWAIT), 0);
  const auto length = [](const std::string& text) { return text.size(); };
  auto large = pool.submit(length, std::string(4 << 20, 'x'));
  auto second = pool.submit(length, std::string(4 << 20, 'x'));
  // One of them is with the worker that runs.
  while (!large.wait_for(1ms) && !second.wait_for(1ms)) {}
  expect_usable(pool);
  ::kill(stopped, SIGCONT);
  EXPECT_EQ(large.get(), std::size_t{4} << 20);
  EXPECT_EQ(second.get(), std::size_t{4} << 20);
}

}  // namespace
