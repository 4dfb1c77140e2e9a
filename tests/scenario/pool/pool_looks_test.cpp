// Every look at a pool tells the truth, whoever drives it, and also where there is no time to wait.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>
#include <string>
#include <thread>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using namespace pool_test;

namespace {

/// Looks until the task has ended, which it is to be told at one of the next looks.
template <class Look>
void look_until_true(const Look& look) {
  while (!look()) std::this_thread::sleep_for(1ms);
}

TEST(PoolLooks, AWaitWithoutTimeSeesWhatHasEnded) {
  for (const auto time : {0us, 1us, 10us, 50us, 100us}) {
    for (const bool background : {false, true}) {
      Pool pool{{.workers = 1, .background = background}};
      auto task = pool.submit(square, 3);
      look_until_true([&] { return task.wait_for(time); });
      EXPECT_EQ(task.get(), 9);
    }
  }
}

TEST(PoolLooks, IsDoneSeesWhatHasEnded) {
  for (const bool background : {false, true}) {
    Pool pool{{.workers = 1, .background = background}};
    auto task = pool.submit(square, 3);
    look_until_true([&] { return task.is_done(); });
    EXPECT_EQ(task.get(), 9);
  }
}

TEST(PoolLooks, PendingSeesWhatHasEnded) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit(square, 3);
  look_until_true([&] { return pool.pending() == 0; });
  EXPECT_EQ(task.get(), 9);
}

TEST(PoolLooks, AWaitForAllWithoutTimeSeesWhatHasEnded) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit(square, 3);
  look_until_true([&] { return pool.wait(0ms); });
  EXPECT_EQ(task.get(), 9);
}

TEST(PoolLooks, ALookThatFollowsAnEndSeesItWhileAnotherThreadDrives) {
  const support::TemporaryFile began, go;
  Pool pool{{.workers = 2, .window = 1}};
  pool.map(square, numbers(8)).collect();  // both workers are ready
  auto slow = pool.submit(
      [](const std::string& b, const std::string& g) {
        leave_mark(b);
        return wait_for(g);
      },
      began.path(), go.path());
  std::thread driver([&] { EXPECT_EQ(slow.get(), 1); });
  wait_for(began.path());
  for (int i = 0; i < 100; ++i) {
    auto quick = pool.submit(square, i);
    look_until_true([&] { return quick.wait_for(0ms); });
    EXPECT_EQ(quick.get(), i * i);
  }
  leave_mark(go.path());
  driver.join();
}

TEST(PoolLooks, AWaitWithoutTimeSeesADeath) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit([] { ::abort(); });
  look_until_true([&] { return task.wait_for(0ms); });
  EXPECT_THROW(task.get(), coproc::WorkerDiedError);
}

}  // namespace
