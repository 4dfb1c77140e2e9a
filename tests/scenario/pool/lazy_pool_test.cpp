// A pool whose workers are forked at the call.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coproc::LazyPool;

namespace {

/// Has no codec, and cannot be copied.
struct Heavy {
  explicit Heavy(int n) : number(std::make_unique<int>(n)) {}
  std::unique_ptr<int> number;
};

TEST(LazyPool, RunsAnyClosureOnElementsThatCannotBeSent) {
  std::vector<Heavy> items;
  for (int i = 0; i < 500; ++i) items.emplace_back(i);
  const std::map<int, std::string> names{{0, "even"}, {1, "odd"}};
  LazyPool pool{{.workers = 3}};
  const std::vector<std::string> results =
      pool.map([&](const Heavy& item) { return names.at(*item.number % 2) + std::to_string(*item.number); }, items);
  ASSERT_EQ(results.size(), 500U);
  EXPECT_EQ(results[0], "even0");
  EXPECT_EQ(results[499], "odd499");
}

TEST(LazyPool, EachCallSeesTheHostAsItIsThen) {
  LazyPool pool{{.workers = 2}};
  int base = 1;
  const auto add = [&](int x) { return base + x; };
  EXPECT_EQ(pool.map(add, std::vector{1, 2}).collect(), (std::vector{2, 3}));
  base = 100;
  EXPECT_EQ(pool.map(add, std::vector{1, 2}).collect(), (std::vector{101, 102}));
}

TEST(LazyPool, TakesRangesOfAllKinds) {
  LazyPool pool{{.workers = 2}};
  const auto twice = [](int x) { return 2 * x; };
  EXPECT_EQ(pool.map(twice, std::list{1, 2, 3}).collect(), (std::vector{2, 4, 6}));
  EXPECT_TRUE(pool.map(twice, std::vector<int>()).collect().empty());
  int array[] = {4, 5};
  EXPECT_EQ(pool.map(twice, array).collect(), (std::vector{8, 10}));
  std::map<std::uint64_t, int> came;
  auto results = pool.map_unordered(twice, std::vector{1, 2, 3});
  for (auto at = results.begin(); at != results.end(); ++at) came[at.index()] = *at;
  EXPECT_EQ(came, (std::map<std::uint64_t, int>{{0, 2}, {1, 4}, {2, 6}}));
}

TEST(LazyPool, OptionsOfACallReplaceThoseOfThePool) {
  LazyPool pool{{.workers = 1, .tasks = {.stop_on_error = true}}};
  const auto work = [](int x) {
    if (x == 1) throw std::out_of_range("one");
    return x;
  };
  const std::vector<int> numbers{0, 1, 2};
  const auto count = [](auto results) {
    std::size_t all = 0;
    for ([[maybe_unused]] auto& result : results) ++all;
    return all;
  };
  EXPECT_EQ(count(pool.map(work, numbers).as_results()), 2U);
  EXPECT_EQ(count(pool.map(work, numbers, {.chunk_size = 1}).as_results()), 3U);
}

TEST(LazyPool, ItsTasksFailLikeThoseOfAPool) {
  LazyPool pool{{.workers = 2, .tasks = {.time_limit = 500ms}}};
  const auto work = [](int x) {
    if (x == 3) throw std::out_of_range("three");
    if (x == 5) ::raise(SIGKILL);
    for (volatile bool forever = x == 7; forever;) {}
    return x;
  };
  std::vector<int> numbers(20);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::size_t good = 0;
  for (auto& result : pool.map(work, numbers).as_results()) {
    if (result.has_value()) {
      ++good;
    } else if (result.index() == 3) {
      EXPECT_THROW(result.value(), std::out_of_range);
    } else if (result.index() == 5) {
      EXPECT_THROW(result.value(), coproc::WorkerDiedError);
    } else {
      EXPECT_EQ(result.index(), 7U);
      EXPECT_THROW(result.value(), coproc::TaskTimeoutError);
    }
  }
  EXPECT_EQ(good, 17U);
}

TEST(LazyPool, IsRefusedLikeAnyForkWhereThereAreOtherThreads) {
  std::mutex ended;
  ended.lock();
  const std::jthread other([&] { const std::lock_guard wait(ended); });
  LazyPool pool{{.workers = 2}};
  const auto twice = [](int x) { return 2 * x; };
  EXPECT_THROW(pool.map(twice, std::vector{1}), coproc::StartError);
  LazyPool by_name{{.workers = 2, .worker = {.method = coproc::StartMethod::fork}}};
  EXPECT_EQ(by_name.map(twice, std::vector{1}).collect(), std::vector{2});
  ended.unlock();
}

TEST(LazyPool, RefusesWhatItCannotDo) {
  EXPECT_THROW(LazyPool(coproc::PoolOptions{.background = true}), coproc::InvalidArgumentError);
  EXPECT_THROW(LazyPool(coproc::PoolOptions{.worker = {.method = coproc::StartMethod::spawn}}),
               coproc::InvalidArgumentError);
}

}  // namespace
