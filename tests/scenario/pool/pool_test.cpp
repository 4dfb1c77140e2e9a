// A pool, as a user sees it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <coproc/coproc.hpp>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"
#include "support/temporary_file.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::PoolOptions;
using pool_test::numbers;
using pool_test::square;

namespace {

std::string join(const std::string& a, int b) { return a + std::to_string(b); }
int process_id(int) { return ::getpid(); }
void nothing(int) {}

/// The natural numbers, and how far they were read.
class Endless {
 public:
  class Iterator {
   public:
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(Endless* of) : of_(of) {}
    int operator*() const { return of_->next_; }
    Iterator& operator++() {
      ++of_->next_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::nullptr_t) const { return false; }

   private:
    Endless* of_;
  };
  Iterator begin() { return Iterator(this); }
  std::nullptr_t end() const { return nullptr; }
  int read() const { return next_; }

 private:
  int next_ = 0;
};

struct Scale {
  int factor;
  std::string unit;
  std::string operator()(int x) const { return std::to_string(x * factor) + unit; }
};

struct Counter {
  int made_for;
  int calls = 0;
};

TEST(Pool, MapsInTheOrderOfTheInput) {
  Pool pool;
  EXPECT_EQ(pool.size(), pool.pids().size());
  const std::vector<int> squares = pool.map(square, numbers(1000));
  ASSERT_EQ(squares.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
  EXPECT_EQ(pool.pending(), 0U);
}

TEST(Pool, TakesLambdasWithoutCapturesAndObjectsThatCanBeSent) {
  Pool pool{{.workers = 2}};
  EXPECT_EQ(pool.map([](int x) { return x + 1; }, std::vector{1, 2, 3}).collect(), (std::vector{2, 3, 4}));
  EXPECT_EQ(pool.map(Scale{10, " m"}, std::vector{1, 2}).collect(), (std::vector<std::string>{"10 m", "20 m"}));
  EXPECT_EQ(pool.map([](std::string text) { return text.size(); }, std::vector{"a", "bcd"}).collect(),
            (std::vector<std::size_t>{1, 3}));
}

TEST(Pool, MapsFewerElementsThanWorkersAndNone) {
  Pool pool{{.workers = 4}};
  EXPECT_EQ(pool.map(square, std::vector{5}).collect(), std::vector{25});
  EXPECT_TRUE(pool.map(square, std::vector<int>()).collect().empty());
  EXPECT_EQ(pool.map(square, std::vector{5, 6}).collect(), (std::vector{25, 36}));
}

TEST(Pool, TakesRangesWhoseElementsAreNotThere) {
  Pool pool{{.workers = 2}};
  EXPECT_EQ(pool.map([](bool x) { return !x; }, std::vector<bool>{true, false}).collect(), (std::vector{false, true}));
  std::istringstream text("3 4 5");
  struct Words {
    std::istringstream& in;
    auto begin() { return std::istream_iterator<int>(in); }
    auto end() { return std::istream_iterator<int>(); }
  };
  EXPECT_EQ(pool.map(square, Words{text}).collect(), (std::vector{9, 16, 25}));
}

TEST(Pool, MapUnorderedTellsWhoseResultEachIs) {
  Pool pool{{.workers = 3}};
  std::map<std::uint64_t, int> by_index;
  auto results = pool.map_unordered(square, numbers(500));
  for (auto at = results.begin(); at != results.end(); ++at) by_index[at.index()] = *at;
  ASSERT_EQ(by_index.size(), 500U);
  for (const auto& [index, value] : by_index) EXPECT_EQ(value, static_cast<int>(index * index));
}

TEST(Pool, MapUnorderedGivesTheFastOnesFirst) {
  Pool pool{{.workers = 2}};
  std::vector<int> came;
  const support::TemporaryFile file;
  const auto wait_for = [](const std::string& path) {
    while (!path.empty() && std::ifstream(path).peek() == EOF) std::this_thread::sleep_for(1ms);
    return path.empty() ? 2 : 1;
  };
  for (int one : pool.map_unordered(wait_for, std::vector<std::string>{file.path(), ""})) {
    came.push_back(one);
    if (one == 2) std::ofstream(file.path()) << "x";  // only now can the first one end
  }
  EXPECT_EQ(came, (std::vector{2, 1}));
}

TEST(Pool, AnEndlessInputIsReadOnlySoFarAsIsNeeded) {
  Pool pool{{.workers = 2, .window = 8}};
  Endless input;
  int seen = 0;
  for (int value : pool.map(square, input)) {
    EXPECT_EQ(value, seen * seen);
    if (++seen == 1000) break;
  }
  EXPECT_GE(input.read(), 999);
  EXPECT_LE(input.read(), 1000 + 4 * 2 * 8 + 64);
  EXPECT_EQ(pool.map(square, std::vector{3}).collect(), std::vector{9});  // nothing stale comes
}

TEST(Pool, SubmitGivesOneResult) {
  Pool pool{{.workers = 2}};
  coproc::Task<int> a = pool.submit(square, 7);
  coproc::Task<std::string> b = pool.submit(join, "x", 3);
  coproc::Task<void> c = pool.submit(nothing, 1);
  EXPECT_EQ(b.get(), "x3");
  EXPECT_EQ(a.get(), 49);
  c.get();
  EXPECT_FALSE(a.is_valid());
  EXPECT_THROW(a.get(), coproc::InvalidArgumentError);
}

TEST(Pool, WaitForASubmittedTaskHasAnEnd) {
  Pool pool{{.workers = 1}};
  const support::TemporaryFile file;
  auto task = pool.submit(
      [](std::string path) {
        while (std::ifstream(path).peek() == EOF) std::this_thread::sleep_for(1ms);
        return 1;
      },
      file.path());
  EXPECT_FALSE(task.wait_for(10ms));
  EXPECT_FALSE(task.is_done());
  EXPECT_FALSE(pool.wait(0ms));
  EXPECT_EQ(pool.pending(), 1U);
  std::ofstream(file.path()) << "x";
  EXPECT_TRUE(task.wait_for(coproc::kForever));
  EXPECT_TRUE(task.is_done());
  EXPECT_TRUE(pool.wait());
  EXPECT_EQ(task.get(), 1);
}

TEST(Pool, WhatIsSubmittedAndForgottenRuns) {
  const support::TemporaryFile file;
  Pool pool{{.workers = 2}};
  for (int i = 0; i < 20; ++i) {
    pool.submit([](std::string path) { std::ofstream(path, std::ios::app) << "x"; }, file.path());
  }
  EXPECT_TRUE(pool.wait());
  EXPECT_EQ(file.text().size(), 20U);
}

TEST(Pool, AStateIsMadeOnceInEachWorkerAndGivenToTheTasks) {
  const support::TemporaryFile file;
  struct Init {
    std::string path;
    Counter operator()() const {
      std::ofstream(path, std::ios::app) << "i";
      return {::getpid()};
    }
  };
  struct Exit {
    std::string path;
    void operator()(Counter& counter) const { std::ofstream(path, std::ios::app) << (counter.calls != 0 ? "E" : "e"); }
  };
  std::map<int, int> calls;
  {
    Pool pool{Init{file.path()}, Exit{file.path()}, {.workers = 2, .window = 1}};
    static_assert(std::is_same_v<decltype(pool), Pool<Counter>>);
    const auto count = [](Counter& counter, int) { return std::pair(counter.made_for, ++counter.calls); };
    for (auto& [pid, n] : pool.map(count, numbers(50))) {
      EXPECT_EQ(n, ++calls[pid]);  // in a worker one behind the other
    }
    EXPECT_EQ(pool.submit(square, 3).get(), 9);  // no task has to take it
  }
  EXPECT_EQ(calls.count(::getpid()), 0U);
  std::string text = file.text();
  std::sort(text.begin(), text.end());
  EXPECT_EQ(text, calls.size() == 2 ? "EEii" : "Eeii");
}

TEST(Pool, AnInitFunctionNeedNotReturnAnything) {
  Pool pool{[] { ::setenv("COPROC_POOL_TEST", "set", 1); }, {.workers = 1}};
  static_assert(std::is_same_v<decltype(pool), Pool<void>>);
  EXPECT_EQ(pool.submit([] { return std::string(::getenv("COPROC_POOL_TEST")); }).get(), "set");
}

TEST(Pool, AStateIsDestroyedWhenItsWorkerIsAskedToEnd) {
  struct Noisy {
    std::string path;
    explicit Noisy(std::string p) : path(std::move(p)) {}
    Noisy(Noisy&&) = delete;
    ~Noisy() { std::ofstream(path, std::ios::app) << "d"; }
  };
  struct Init {
    std::string path;
    Noisy operator()() const { return Noisy(path); }
  };
  const support::TemporaryFile file;
  { Pool pool{Init{file.path()}, {.workers = 3}}; }
  EXPECT_EQ(file.text(), "ddd");
}

TEST(Pool, AWorkerIsReplacedAfterSoManyTasks) {
  Pool pool{{.workers = 2, .window = 4, .recycle = {.requests = 5, .spread = 0}}};
  std::map<int, int> tasks;
  for (int pid : pool.map(process_id, numbers(40))) ++tasks[pid];
  EXPECT_GE(tasks.size(), 8U);
  for (const auto& [pid, count] : tasks) EXPECT_LE(count, 5);
}

TEST(Pool, AWorkerIsReplacedWhenItHasBecomeTooLarge) {
  Pool pool{{.workers = 1, .recycle = {.memory = 256 << 20}}};
  const auto grow = [](std::size_t bytes) {
    static std::vector<std::string> kept;
    kept.emplace_back(bytes, 'x');
    return ::getpid();
  };
  const int first = pool.submit(grow, 1).get();
  EXPECT_EQ(pool.submit(grow, 1).get(), first);
  EXPECT_EQ(pool.submit(grow, 384 << 20).get(), first);
  while (pool.submit(grow, 1).get() == first) continue;  // its memory is looked at every 100 ms
  EXPECT_GE(pool.insights().workers[0].peak_memory_bytes, std::size_t{384} << 20);
}

TEST(Pool, PinnedWorkersStayOnOneProcessorEach) {
  Pool pool{{.workers = 3, .pin = true}};
  const auto allowed = [](int) {
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof set, &set);
    return CPU_COUNT(&set);
  };
  for (int count : pool.map(allowed, numbers(30))) EXPECT_EQ(count, 1);
}

TEST(Pool, LargeArgumentsAndResultsTravel) {
  Pool pool{{.workers = 2}};
  std::vector<std::vector<double>> inputs(6, std::vector<double>(300'000, 1.5));
  const auto halve = [](std::vector<double> values) {
    for (double& value : values) value /= 2;
    return values;
  };
  for (const auto& values : pool.map(halve, inputs)) {
    ASSERT_EQ(values.size(), 300'000U);
    EXPECT_EQ(values.back(), 0.75);
  }
}

TEST(Pool, AResultThatIsLargerThanTheRingDoesNotKeepOthersWaiting) {
  Pool pool{{.workers = 2, .window = 3, .worker = {.link = {.ring_bytes = 4096, .automatic_loans = false}}}};
  const std::vector<std::string> inputs(40, std::string(50'000, 'y'));
  for (const std::string& text : pool.map([](std::string text) { return text + text; }, inputs)) {
    EXPECT_EQ(text.size(), 100'000U);
  }
}

TEST(Pool, ThePoolKeepsItsOptionsForCallsWithoutTheirOwn) {
  Pool pool{{.workers = 1, .tasks = {.chunk_size = 7}}};
  EXPECT_EQ(pool.map(square, numbers(30)).collect().size(), 30U);
  EXPECT_EQ(pool.map(square, numbers(30), {.chunk_size = 1}).collect().size(), 30U);
  EXPECT_EQ(pool.submit({.max_retries = 1}, square, 2).get(), 4);
  EXPECT_THROW(pool.submit({.time_limit = 0s}, square, 2), coproc::InvalidArgumentError);
}

TEST(Pool, EveryStartMethodDoes) {
  for (const auto method : {coproc::StartMethod::fork, coproc::StartMethod::fork_server, coproc::StartMethod::spawn}) {
    Pool pool{{.workers = 2, .worker = {.method = method}}};
    EXPECT_EQ(pool.map(square, std::vector{1, 2, 3}).collect(), (std::vector{1, 4, 9}));
  }
  EXPECT_THROW(Pool(PoolOptions{.worker = {.method = coproc::StartMethod::executable}}), coproc::InvalidArgumentError);
}

TEST(Pool, MoreWorkersThanAnyPoolHasAreRefused) {
  const auto refusal = [](auto&& make) -> std::string {
    try {
      make();
    } catch (const coproc::InvalidArgumentError& error) {
      return error.what();
    }
    return "";
  };
  for (const std::size_t count : {std::size_t{65'537}, (std::numeric_limits<std::size_t>::max)()}) {
    const std::string words = ": at most 65536 workers, not " + std::to_string(count);
    EXPECT_EQ(refusal([&] { Pool{{.workers = count}}; }), "PoolOptions::workers" + words);
    EXPECT_EQ(refusal([&] { coproc::LazyPool{{.workers = count}}; }), "PoolOptions::workers" + words);
    const coproc::Machine machine(coproc::command({"coproc-agent"}));
    EXPECT_EQ(refusal([&] { Pool{{.workers = count, .machines = {machine}}}; }), "PoolOptions::workers" + words);
    using Serving = coproc::WorkerResourcePool<void (*)(coproc::PriorityMessenger&)>;
    EXPECT_EQ(refusal([&] { Serving(count, [](coproc::PriorityMessenger&) {}); }), "WorkerResourcePool: size" + words);
  }
}

TEST(Pool, BackgroundDrivesWhileNobodyWaits) {
  const support::TemporaryFile file;
  Pool pool{{.workers = 1, .window = 1, .background = true}};
  for (int i = 0; i < 50; ++i) {
    pool.submit([](std::string path) { std::ofstream(path, std::ios::app) << "x"; }, file.path());
  }
  while (file.text().size() != 50) std::this_thread::sleep_for(1ms);  // a call would drive
  EXPECT_EQ(pool.map(square, numbers(300)).collect().size(), 300U);
}

TEST(Pool, MovesAndLeavesNothingBehind) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit(square, 4);
  Pool moved = std::move(pool);
  EXPECT_EQ(task.get(), 16);
  EXPECT_THROW(pool.submit(square, 4), coproc::InvalidArgumentError);
  moved = Pool{{.workers = 2}};
  EXPECT_EQ(moved.size(), 2U);
}

TEST(Pool, ResultsCanBeReadAsTheyAre) {
  Pool pool{{.workers = 2}};
  int count = 0;
  for (auto& result : pool.map(square, numbers(20)).as_results()) {
    EXPECT_TRUE(result.has_value());
    EXPECT_EQ(result.value(), static_cast<int>(result.index() * result.index()));
    ++count;
  }
  EXPECT_EQ(count, 20);
}

TEST(Pool, ProgressIsToldToTheReader) {
  Pool pool{{.workers = 2}};
  std::vector<coproc::Progress> told;
  const coproc::TaskOptions options{.progress = [&](const coproc::Progress& now) { told.push_back(now); }};
  EXPECT_EQ(pool.map(square, numbers(1000), options).collect().size(), 1000U);
  ASSERT_FALSE(told.empty());
  for (std::size_t i = 1; i < told.size(); ++i) EXPECT_GE(told[i].done, told[i - 1].done);
  EXPECT_EQ(told.back().done, 1000U);
  EXPECT_EQ(told.back().total, 1000U);
  EXPECT_EQ(told.back().failed, 0U);
  EXPECT_TRUE(told.back().is_last);
}

TEST(Pool, InsightsTellWhatTheWorkersDid) {
  Pool pool{{.workers = 2}};
  const auto work = [](int ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    return ms;
  };
  EXPECT_EQ(pool.map(work, std::vector{1, 30, 1, 1}).collect().size(), 4U);
  const coproc::PoolInsights insights = pool.insights();
  ASSERT_EQ(insights.workers.size(), 2U);
  std::size_t tasks = 0;
  std::chrono::nanoseconds busy{0};
  for (const auto& worker : insights.workers) {
    tasks += worker.tasks;
    busy += worker.work_time;
    EXPECT_EQ(worker.starts, 1U);
    EXPECT_GT(worker.peak_memory_bytes, 0U);
  }
  EXPECT_EQ(tasks, 4U);
  EXPECT_GE(busy, 33ms);
  ASSERT_EQ(insights.slowest.size(), 4U);
  EXPECT_EQ(insights.slowest[0].task, 1U);
  EXPECT_GE(insights.slowest[0].time, 30ms);
  EXPECT_NE(insights.table().find("slowest tasks: task 1 "), std::string::npos);
}

}  // namespace
