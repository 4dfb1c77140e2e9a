// A host that closes all descriptors, as daemons do, while it has a pool: what its workers ran is told, and the pool
// goes on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <algorithm>
#include <array>
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
std::string answers_of_a_map(Pool<>& pool, Function function, bool closes_in_the_middle = false) {
  std::size_t right = 0, deaths = 0;
  for (auto& result : pool.map(function, std::vector<int>(20, 1)).as_results()) {
    if (right == 4 && closes_in_the_middle) close_descriptors();
    try {
      if (result.value() == 2) ++right;
    } catch (const coproc::WorkerDiedError&) {
      ++deaths;
    }
  }
  return deaths <= 2 && right + deaths == 20 ? "all" : std::to_string(right) + " and " + std::to_string(deaths);
}

/// The same of maps until the workers from before are gone: they may run something yet, before they see the end of
/// their lifelines.
std::string answers_until_replaced(Pool<>& pool, const std::vector<int>& before) {
  const auto is_one_from_before = [&](int pid) { return std::find(before.begin(), before.end(), pid) != before.end(); };
  for (;;) {
    if (const std::string answers = answers_of_a_map(pool, &increment); answers != "all") return answers;
    const std::vector<int> now = pool.pids();
    if (!now.empty() && std::none_of(now.begin(), now.end(), is_one_from_before)) return "all";
  }
}

struct Way {
  bool background;
  bool in_the_middle;
};

TEST(PoolClosedDescriptors, APoolGoesOnWithOtherWorkers) {
  // Not in the middle of a start: a thread that closes what another one has just opened can break anything.
  for (const auto [background, in_the_middle] : {Way{false, false}, Way{false, true}, Way{true, false}}) {
    EXPECT_EQ(support::in_host([&] {
                std::string text;
                for (int round = 0; round < 3; ++round) {
                  Pool pool{{.workers = 2, .background = background}};
                  text += answers_of_a_map(pool, &increment_slowly, in_the_middle);
                  const std::vector<int> before = pool.pids();
                  close_descriptors();
                  text += answers_until_replaced(pool, before);
                  text += std::to_string(pool.submit(&increment, 6).get());
                  coproc::stop_fork_server();
                }
                return text;
              }),
              "allall7allall7allall7")
        << background << in_the_middle;
  }
}

/// What interrupts the wait for workers was among what it has closed.
TEST(PoolClosedDescriptors, AWaitForTheWorkersCanBeInterrupted) {
  EXPECT_EQ(support::in_host([] {
              Pool pool{{.workers = 1}};
              std::string text = answers_of_a_map(pool, &increment);
              const std::vector<int> before = pool.pids();
              close_descriptors();
              text += answers_until_replaced(pool, before);
              auto first = pool.submit([] { std::this_thread::sleep_for(1s); });
              std::jthread interrupts([&] {
                std::this_thread::sleep_for(100ms);
                pool.interrupt();
              });
              try {
                first.get();
              } catch (const coproc::InterruptedError&) {
                text += ", interrupted";
              }
              interrupts.join();
              first.get();
              return text;
            }),
            "allall, interrupted");
}

/// The numbers lead to files of the program that are never readable.
TEST(ClosedDescriptors, AWaitEndsWhereOtherFilesHaveTheNumbers) {
  EXPECT_EQ(support::in_host([] {
              coproc::WorkerResource worker{+[](coproc::PriorityMessenger& host) { host.receive_blocking<int>(); }};
              worker.start();
              close_descriptors();
              for (int i = 0; i < 60; ++i) {
                if (std::array<int, 2> ends; ::pipe(ends.data()) != 0) return std::string("no pipe");
              }
              try {
                worker.messenger().receive_blocking<int>();
              } catch (const coproc::LinkClosedError& error) {
                return std::string(error.what()).substr(0, 40);
              }
              return std::string("received");
            }),
            "this process has closed the descriptors ");
}

}  // namespace
