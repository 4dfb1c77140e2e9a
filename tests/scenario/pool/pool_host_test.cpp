// What a pool does when its host abandons, breaks off, stops, forks or is ended; and when a worker lies.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"
#include "support/descendants.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::TaskCancelledError;
using namespace pool_test;

namespace {

// ---- the host's side ----

TEST(PoolHost, AResultRangeThatIsAbandonedLeavesNothingToTheNextMap) {
  Pool pool{{.workers = 2, .window = 16}};
  for (int i = 0; i < 20; ++i) {
    int seen = 0;
    for (int value : pool.map_unordered(square, numbers(100'000))) {
      (void)value;
      if (++seen == 3) break;
    }
    expect_usable(pool);
  }
  EXPECT_EQ(pool.pending(), 0U);
}

TEST(PoolHost, WhatHasNotBegunOfAnAbandonedMapIsNotRun) {
  const support::TemporaryFile marks, go;
  Pool pool{{.workers = 1, .window = 100}};
  {
    const auto mark_and_wait = [](const std::pair<std::string, std::string>& paths) {
      leave_mark(paths.first);
      if (!paths.second.empty()) wait_for(paths.second);
    };
    std::vector<std::pair<std::string, std::string>> inputs(100, {marks.path(), go.path()});
    inputs[0].second.clear();  // the first one ends, and the second waits until the map is abandoned
    auto results = pool.map(mark_and_wait, inputs);
    (void)*results.begin();
  }
  leave_mark(go.path());
  expect_usable(pool);
  EXPECT_LE(marks.text().size(), 2U);
}

TEST(PoolHost, WhatTheInputThrowsComesBehindTheResultsOfWhatItGave) {
  struct Failing {
    int at = 0;
    struct Iterator {
      Failing* of;
      int operator*() const { return of->at; }
      Iterator& operator++() {
        if (++of->at == 5) throw std::out_of_range("the input is broken");
        return *this;
      }
      bool operator==(std::nullptr_t) const { return false; }
    };
    Iterator begin() { return {this}; }
    std::nullptr_t end() const { return nullptr; }
  };
  Pool pool{{.workers = 2}};
  std::vector<int> values;
  auto results = pool.map(square, Failing());
  EXPECT_THROW(
      {
        for (int value : results) values.push_back(value);
      },
      std::out_of_range);
  EXPECT_EQ(values, (std::vector{0, 1, 4, 9, 16}));
  for (int value : results) ADD_FAILURE() << value;
  expect_usable(pool);
}

TEST(PoolHost, APoolThatIsDestroyedInTheMiddleEndsItsWorkersAndCancelsItsTasks) {
  const support::TemporaryFile began;
  coproc::Task<int> running, waiting;
  std::vector<int> pids;
  {
    Pool pool{{.workers = 2, .window = 1}};
    running = pool.submit(write_and_hang, began.path());
    auto other = pool.submit(write_and_hang, began.path());
    waiting = pool.submit(square, 3);
    while (began.text().size() < 2) (void)running.wait_for(1ms);
    pids = pool.pids();
  }
  for (int pid : pids) EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_THROW(running.get(), TaskCancelledError);
  EXPECT_THROW(waiting.get(), TaskCancelledError);
  EXPECT_FALSE(running.cancel());
}

TEST(PoolHost, AStoppedPoolSaysSo) {
  Pool pool{{.workers = 1}};
  auto results = pool.map(square, numbers(100'000));
  EXPECT_EQ(*results.begin(), 0);
  pool.stop();
  EXPECT_THROW(
      {
        for (int value : results) (void)value;
      },
      TaskCancelledError);
  EXPECT_THROW(pool.submit(square, 1), TaskCancelledError);
  EXPECT_TRUE(pool.pids().empty());
  pool.stop();
}

TEST(PoolHost, AnInterruptEndsTheWaitAndNothingElse) {
  const support::TemporaryFile go;
  Pool pool{{.workers = 1}};
  auto task = pool.submit(wait_for, go.path());
  pool.interrupt();
  EXPECT_THROW(task.wait_for(coproc::kForever), coproc::InterruptedError);
  {
    const std::jthread other([&] {
      std::this_thread::sleep_for(20ms);
      pool.interrupt();
    });
    EXPECT_THROW(task.get(), coproc::InterruptedError);
  }
  leave_mark(go.path());
  EXPECT_EQ(task.get(), 1);
}

/// A fork has no thread that could let go of what its copy of the pool holds: whatever waited there would wait for
/// ever.
TEST(PoolHost, APoolBelongsToTheProcessThatMadeIt) {
  Pool pool{{.workers = 1}};
  expect_usable(pool);
  coproc::Task<int> task = pool.submit(square, 1);
  const std::vector<std::function<void()>> calls = {
      [&] { pool.submit(square, 1); }, [&] { pool.map(square, numbers(3)).collect(); },
      [&] { (void)task.is_done(); },   [&] { (void)task.wait_for(1s); },
      [&] { (void)task.cancel(); },    [&] { (void)pool.pending(); },
      [&] { (void)pool.pids(); },      [&] { (void)pool.insights(); },
      [&] { (void)pool.wait(); },
  };
  const pid_t child = ::fork();
  if (child == 0) {
    int refused = 0;
    for (const auto& call : calls) {
      try {
        call();
      } catch (const coproc::NotOwnerError&) {
        ++refused;
      }
    }
    pool.stop();  // the workers are not this process's
    ::_exit(refused);
  }
  EXPECT_EQ(support::end_of(child), "exit " + std::to_string(calls.size()));
  EXPECT_EQ(task.get(), 1);
  expect_usable(pool);
}

TEST(PoolHost, CtrlCEndsTheHostAndItsWorkersWithIt) {
  const support::Pipe pipe;
  const support::Subreaper here;
  const pid_t host = ::fork();
  if (host == 0) {
    ::setpgid(0, 0);
    ::signal(SIGINT, SIG_DFL);
    coproc::stop_fork_server();
    Pool pool{{.workers = 2, .worker = {.method = coproc::StartMethod::spawn}}};
    auto results = pool.map([](int) { support::sleep_for_ever(); }, numbers(10));
    for (int pid : pool.pids()) pipe.write(pid);
    for (auto& value : results) (void)value;
    ::_exit(1);
  }
  const int first = pipe.read<int>();
  const int second = pipe.read<int>();
  ::kill(-host, SIGINT);
  EXPECT_EQ(support::end_of(host), "signal 2");
  for (const int worker : {first, second}) {
    int status = 0;
    EXPECT_EQ(::waitpid(worker, &status, 0), worker);
  }
}

TEST(PoolHost, AWorkerThatLiesCostsItsOwnTaskOnly) {
  Pool pool{{.workers = 2, .window = 1}};  // what it had answered before could be overwritten, too
  // It reaches its own link through what maps it, and overwrites all of it.
  const auto scribble = [](int x) {
    if (x != 5) return x;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("memfd:coproc") == std::string::npos || line.find("rw-s") == std::string::npos) continue;
      unsigned long begin = 0, end = 0;
      if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) != 2 || end - begin > (1UL << 20)) continue;
      for (auto at = reinterpret_cast<volatile unsigned char*>(begin); at != reinterpret_cast<unsigned char*>(end);
           ++at) {
        *at = 0x5a;
      }
    }
    support::sleep_for_ever();
  };
  std::size_t good = 0;
  std::vector<std::uint64_t> failed;
  for (auto& result : pool.map(scribble, numbers(30), {.time_limit = 5s}).as_results()) {
    if (result.has_value()) {
      ++good;
    } else {
      failed.push_back(result.index());
    }
  }
  EXPECT_EQ(failed, std::vector<std::uint64_t>{5});
  EXPECT_EQ(good, 29U);
  expect_usable(pool);
}

}  // namespace
