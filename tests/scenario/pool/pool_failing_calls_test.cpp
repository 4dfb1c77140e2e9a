// Every system call of a pool's life fails once: each call of its host gives what is right or throws a coproc::Error,
// and nothing is left behind.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <coproc/coproc.hpp>
#include <functional>
#include <string>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"
#include "support/fault.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using namespace pool_test;

namespace {

void die() { ::kill(::getpid(), SIGKILL); }

/// What is not a coproc::Error may not come out.
void returns_or_throws_an_error(const std::function<void()>& call) {
  try {
    call();
  } catch (const coproc::Error&) {
    // Of the call that failed.
  } catch (const std::exception& error) {
    ADD_FAILURE() << "no coproc::Error: " << error.what();
  }
}

/// The fork server stays for the next pool, by design; here each pool makes one.
struct StopServer {
  ~StopServer() { coproc::stop_fork_server(); }
};

/// The lives of a worker and of the one in its place, each kind of call, and the end.
void live(coproc::PoolOptions options) {
  returns_or_throws_an_error([&] {
    options.workers = 2;
    options.worker.stop = {.close = 200ms, .terminate = 100ms};
    const StopServer first_start_each_time;
    Pool pool{options};
    returns_or_throws_an_error([&] {
      int i = 0;
      for (auto& result : pool.map(square, numbers(20)).as_results()) {
        EXPECT_EQ(result.index(), static_cast<std::uint64_t>(i++));
        returns_or_throws_an_error([&] { EXPECT_EQ(result.value(), (i - 1) * (i - 1)); });
      }
      EXPECT_EQ(i, 20);
    });
    returns_or_throws_an_error([&] {
      pool.submit(die).get();
      ADD_FAILURE() << "its death is not told";
    });
    returns_or_throws_an_error([&] { EXPECT_EQ(pool.submit(square, 7).get(), 49); });
    returns_or_throws_an_error([&] {
      EXPECT_EQ(pool.pending(), 0U);
      (void)pool.insights();
    });
    returns_or_throws_an_error([&] {
      auto running = pool.submit({.time_limit = 10s}, [] { support::sleep_for_ever(); });
      while (!running.wait_for(1ms) && pool.pending() != 0) {
        if (running.cancel()) break;
      }
    });
    returns_or_throws_an_error([&] { pool.stop(); });
  });
}

TEST(PoolFailingCalls, EachGivesWhatIsRightOrAnError) {
  coproc::stop_fork_server();
  const auto calls = support::fail_each_system_call(ENOMEM, [] { live({}); });
  EXPECT_GE(calls, 20u);
}

TEST(PoolFailingCalls, EachGivesWhatIsRightOrAnErrorWhereWorkersAreForks) {
  const auto calls =
      support::fail_each_system_call(ENOMEM, [] { live({.worker = {.method = coproc::StartMethod::fork}}); });
  EXPECT_GE(calls, 20u);
}

}  // namespace
