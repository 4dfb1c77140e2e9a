// A host that closes all descriptors, as daemons do, while it has a pool: what its workers ran is told, and the pool goes on.
#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"
#include "support/process.hpp"

using coproc::Pool;
using namespace std::chrono_literals;

namespace {

void close_descriptors() { ::close_range(3, 199, 0); }

int increment(int value) { return value + 1; }
int increment_slowly(int value) {
  std::this_thread::sleep_for(20ms);
  return value + 1;
}

/// Each task has its result, or died with its worker.
template <class Function>
std::string told_of_a_map(Pool<>& pool, Function function, bool closes_in_the_middle = false) {
  std::size_t right = 0, deaths = 0;
  for (auto& result : pool.map(function, std::vector<int>(20, 1)).as_results()) {
    if (right == 4 && closes_in_the_middle) close_descriptors();
    try {
      if (result.value() == 2) ++right;
    } catch (const coproc::WorkerDiedError&) {
      ++deaths;
    }
  }
  return deaths <= 2 && right + deaths == 20 ? "told" : std::to_string(right) + " and " + std::to_string(deaths);
}

TEST(PoolClosedDescriptors, APoolGoesOnWithOtherWorkers) {
  for (const bool background : {false, true}) {
    for (const bool in_the_middle : {false, true}) {
      EXPECT_EQ(support::in_host([&] {
                  std::string text;
                  for (int round = 0; round < 5; ++round) {
                    Pool pool{{.workers = 2, .background = background}};
                    text += told_of_a_map(pool, &increment_slowly, in_the_middle);
                    close_descriptors();
                    for (int i = 0; i < 3; ++i) text += told_of_a_map(pool, &increment);
                    // By now there is nobody left whom it could lose.
                    text += std::to_string(pool.submit(&increment, 6).get());
                    coproc::stop_fork_server();
                  }
                  return text;
                }),
                "toldtoldtoldtold7toldtoldtoldtold7toldtoldtoldtold7toldtoldtoldtold7toldtoldtoldtold7")
          << background << in_the_middle;
    }
  }
}

/// What interrupts the wait for workers was among what it has closed.
TEST(PoolClosedDescriptors, APoolHearsOfWhatIsNewAndRests) {
  EXPECT_EQ(support::in_host([] {
              Pool pool{{.workers = 1}};
              std::string text = told_of_a_map(pool, &increment);
              close_descriptors();
              text += told_of_a_map(pool, &increment);
              auto first = pool.submit([] { std::this_thread::sleep_for(1s); });
              std::thread interrupts([&] {
                std::this_thread::sleep_for(100ms);
                pool.interrupt();
              });
              timespec before{}, after{};
              ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
              try {
                first.get();
              } catch (const coproc::InterruptedError&) {
                text += ", interrupted";
              }
              interrupts.join();
              first.get();
              ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
              const auto tenths = 10 * (after.tv_sec - before.tv_sec) + (after.tv_nsec - before.tv_nsec) / 100'000'000;
              return text + (tenths < 3 ? ", rested" : ", was busy");
            }),
            "toldtold, interrupted, rested");
}

}  // namespace
