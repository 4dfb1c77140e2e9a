// One pool, used by several threads of the host at once.
#include <gtest/gtest.h>

#include <atomic>
#include <coproc/coproc.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coproc::Pool;

namespace {

int square(int x) {
  if (x == 77) throw std::range_error("seventy-seven");
  return x * x;
}

std::vector<int> numbers(int first, int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), first);
  return all;
}

void use_from_threads(Pool<>& pool) {
  std::atomic<int> wrong{0};
  std::atomic<int> errors{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int round = 0; round < 5; ++round) {
          const int first = 100 * (t + 1) * (round + 1);
          int expected = first;
          for (int value : pool.map(square, numbers(first, 60))) wrong += value != expected * expected, ++expected;
          wrong += expected != first + 60;
          auto submitted = pool.submit(square, first);
          auto cancelled = pool.submit(square, 1);
          auto failing = pool.submit(square, 77);
          const bool is_cancelled = cancelled.cancel();
          wrong += submitted.get() != first * first;
          try {
            (void)failing.get();
            ++wrong;
          } catch (const std::range_error&) {
            ++errors;
          }
          try {
            wrong += cancelled.get() != 1 || is_cancelled;
          } catch (const coproc::TaskCancelledError&) {
            wrong += !is_cancelled;
          }
          // Abandoned in the middle.
          auto abandoned = pool.map_unordered(square, numbers(1000, 500));
          (void)*abandoned.begin();
          (void)pool.pending();
          (void)pool.insights();
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(errors, 20);
}

TEST(OneProcessPool, MapsAndSubmitsFromSeveralThreads) {
  Pool pool{{.workers = 2}};
  use_from_threads(pool);
}

TEST(OneProcessPool, MapsAndSubmitsFromSeveralThreadsWithADriver) {
  Pool pool{{.workers = 2, .background = true}};
  use_from_threads(pool);
}

TEST(OneProcessPool, AnInterruptFromAnotherThreadEndsOneWait) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit([] { std::this_thread::sleep_for(100ms); });
  {
    const std::jthread other([&] { pool.interrupt(); });
    EXPECT_THROW(task.get(), coproc::InterruptedError);
  }
}

}  // namespace
