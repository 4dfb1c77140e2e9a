// What a pool does when things go wrong.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <coproc/coproc.hpp>
#include <cstdint>
#include <fstream>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/descendants.hpp"
#include "support/process.hpp"
#include "support/temporary_file.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::PoolBrokenError;
using coproc::RemoteOrigin;
using coproc::TaskCancelledError;
using coproc::TaskTimeoutError;
using coproc::WorkerDiedError;

namespace {

int square(int x) { return x * x; }

int refuse_17(int x) {
  if (x == 17) throw std::invalid_argument("it is seventeen");
  return x;
}

int die_at_17(int x) {
  if (x == 17) ::kill(::getpid(), SIGKILL);
  return x;
}

/// Waits until a file has something in it.
int wait_for(const std::string& path) {
  while (std::ifstream(path).peek() == EOF) std::this_thread::sleep_for(1ms);
  return 1;
}
int write(const std::string& path) {
  std::ofstream(path, std::ios::app) << "x" << std::flush;
  return 2;
}
int write_and_hang(const std::string& path) {
  write(path);
  support::sleep_for_ever();
}
void wait_until_written(const support::TemporaryFile& file) { wait_for(file.path()); }

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// The pool can still be used, and nothing of before comes out of it.
template <class State>
void expect_usable(Pool<State>& pool) {
  const std::vector<int> squares = pool.map(square, numbers(100));
  ASSERT_EQ(squares.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
}

// ---- a task throws ----

TEST(PoolFailures, ATasksErrorHasItsTypeAndItsIndexAndTheRestGoesOn) {
  Pool pool{{.workers = 2}};
  std::vector<int> values;
  std::vector<std::uint64_t> failed;
  auto results = pool.map(refuse_17, numbers(40));
  for (int loops = 0; loops < 2; ++loops) {
    try {
      for (int value : results) values.push_back(value);
    } catch (const std::invalid_argument& error) {
      EXPECT_STREQ(error.what(), "it is seventeen");
      const auto* origin = dynamic_cast<const RemoteOrigin*>(&error);
      ASSERT_NE(origin, nullptr);
      failed.push_back(origin->task().value_or(0));
      EXPECT_NE(origin->peer_pid(), ::getpid());
    }
  }
  EXPECT_EQ(failed, std::vector<std::uint64_t>{17});
  EXPECT_EQ(values.size(), 39U);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  expect_usable(pool);
}

TEST(PoolFailures, ErrorsCanBeReadLikeResults) {
  Pool pool{{.workers = 2}};
  std::size_t failures = 0;
  std::size_t good = 0;
  for (auto& result : pool.map_unordered(refuse_17, numbers(40)).as_results()) {
    if (result.has_value()) {
      ++good;
    } else {
      EXPECT_EQ(result.index(), 17U);
      EXPECT_THROW(result.value(), std::invalid_argument);
      ++failures;
    }
  }
  EXPECT_EQ(failures, 1U);
  EXPECT_EQ(good, 39U);
}

TEST(PoolFailures, TheFirstErrorEndsAMapThatIsToStop) {
  Pool pool{{.workers = 2}};
  std::vector<int> values;
  auto results = pool.map(refuse_17, numbers(100'000), {.stop_on_error = true});
  EXPECT_THROW(
      {
        for (int value : results) values.push_back(value);
      },
      std::invalid_argument);
  EXPECT_EQ(values, numbers(17));
  for (int value : results) ADD_FAILURE() << value << " comes behind the error that was to end it";
  expect_usable(pool);

  std::size_t count = 0;
  bool has_failed = false;
  for (auto& result : pool.map_unordered(refuse_17, numbers(100'000), {.stop_on_error = true}).as_results()) {
    EXPECT_FALSE(has_failed) << "nothing comes behind the error";
    has_failed = !result.has_value();
    ++count;
  }
  EXPECT_TRUE(has_failed);
  EXPECT_LT(count, 90'000U);
  expect_usable(pool);
}

TEST(PoolFailures, CollectThrowsTheFirstErrorAndAbandonsTheRest) {
  Pool pool{{.workers = 2}};
  EXPECT_THROW(pool.map(refuse_17, numbers(1000)).collect(), std::invalid_argument);
  expect_usable(pool);
}

TEST(PoolFailures, ASubmittedTasksErrorIsThrownByGet) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit(refuse_17, 17);
  EXPECT_THROW(task.get(), std::invalid_argument);
  expect_usable(pool);
}

struct Untold {};

TEST(PoolFailures, AnErrorThatCannotTravelIsARemoteError) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit([] { throw Untold(); });
  try {
    task.get();
    ADD_FAILURE() << "no error came";
  } catch (const coproc::RemoteError& error) {
    EXPECT_NE(error.type_name().find("Untold"), std::string::npos) << error.type_name();
    EXPECT_EQ(error.task(), 0U);
  }
  expect_usable(pool);
}

// ---- values that cannot be sent ----

struct Fragile {
  int value = 0;
};

}  // namespace

template <>
struct coproc::Codec<Fragile> {
  static constexpr std::string_view name = "Fragile";
  static void encode(Encoder& encoder, const Fragile& fragile) {
    if (fragile.value == 3) throw std::domain_error("three cannot be encoded");
    coproc::encode(encoder, fragile.value);
  }
  static Fragile decode(Decoder& decoder) {
    Fragile fragile{coproc::decode<int>(decoder)};
    if (fragile.value == 5) throw std::domain_error("five cannot be decoded");
    return fragile;
  }
};

namespace {

TEST(PoolFailures, AnArgumentThatCannotBeEncodedFailsItsTaskOnly) {
  Pool pool{{.workers = 2}};
  std::vector<Fragile> inputs;
  for (int i : {0, 1, 2, 3, 4, 6, 7}) inputs.push_back({i});
  std::vector<std::uint64_t> failed;
  const auto value = [](Fragile fragile) { return fragile.value; };
  for (auto& result : pool.map(value, inputs, {.chunk_size = 4}).as_results()) {
    if (!result.has_value()) {
      EXPECT_THROW(result.value(), std::domain_error);
      failed.push_back(result.index());
    }
  }
  EXPECT_EQ(failed, std::vector<std::uint64_t>{3});
  expect_usable(pool);
}

TEST(PoolFailures, AnArgumentThatCannotBeDecodedFailsItAndWhatWasSentBehindIt) {
  Pool pool{{.workers = 1}};
  const auto value = [](Fragile fragile) { return fragile.value; };
  std::vector<std::uint64_t> failed;
  for (auto& result : pool.map(value, std::vector<Fragile>{{1}, {5}, {2}}, {.chunk_size = 1}).as_results()) {
    if (!result.has_value()) failed.push_back(result.index());
  }
  EXPECT_EQ(failed, std::vector<std::uint64_t>{1});
  expect_usable(pool);
}

TEST(PoolFailures, AResultThatCannotBeEncodedOrDecodedFailsItsTask) {
  Pool pool{{.workers = 1}};
  const auto make = [](int value) { return Fragile{value}; };
  std::vector<std::uint64_t> failed;
  for (auto& result : pool.map(make, numbers(8)).as_results()) {
    if (!result.has_value()) {
      EXPECT_THROW(result.value(), std::domain_error);
      failed.push_back(result.index());
    }
  }
  EXPECT_EQ(failed, (std::vector<std::uint64_t>{3, 5}));
  expect_usable(pool);
}

TEST(PoolFailures, AResultThatIsTooLargeFailsItsTask) {
  Pool pool{{.workers = 1, .worker = {.link = {.max_message_bytes = 4096}}}};
  auto task = pool.submit([] { return std::string(100'000, 'x'); });
  EXPECT_THROW(task.get(), coproc::Error);
  expect_usable(pool);
}

// ---- a worker dies ----

TEST(PoolFailures, TheDeathOfAWorkerFailsTheTaskThatItRanAndNoOther) {
  for (const std::size_t window : {std::size_t{0}, std::size_t{20}}) {
    Pool pool{{.workers = 2, .window = window}};
    std::size_t good = 0;
    for (auto& result : pool.map(die_at_17, numbers(200)).as_results()) {
      if (result.has_value()) {
        EXPECT_EQ(result.value(), static_cast<int>(result.index()));
        ++good;
        continue;
      }
      EXPECT_EQ(result.index(), 17U);
      try {
        result.value();
      } catch (const WorkerDiedError& error) {
        EXPECT_EQ(error.task(), 17U);
        EXPECT_EQ(error.exit_status().signal(), SIGKILL);
        EXPECT_NE(std::string(error.what()).find("while it ran task 17"), std::string::npos) << error.what();
      }
    }
    EXPECT_EQ(good, 199U);
    expect_usable(pool);
    std::size_t starts = 0;
    for (const auto& worker : pool.insights().workers) starts += worker.starts;
    EXPECT_EQ(starts, 3U);
  }
}

TEST(PoolFailures, ATaskWhoseWorkerDiedIsRunAgainIfThatIsAllowed) {
  const support::TemporaryFile file;
  const auto die_at_first = [](const std::string& path) {
    write(path);
    if (std::ifstream(path).seekg(0, std::ios::end).tellg() < 3) ::abort();
    return 7;
  };
  Pool pool{{.workers = 2}};
  EXPECT_THROW(pool.submit({.max_retries = 1}, die_at_first, file.path()).get(), WorkerDiedError);
  EXPECT_EQ(pool.submit({.max_retries = 1}, die_at_first, file.path()).get(), 7);
  EXPECT_EQ(file.text(), "xxx");
}

TEST(PoolFailures, AnIdleWorkerThatIsKilledIsReplaced) {
  Pool pool{{.workers = 2}};
  expect_usable(pool);
  for (int pid : pool.pids()) {
    ::kill(pid, SIGKILL);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT), 0);
  }
  expect_usable(pool);
}

TEST(PoolFailures, AWorkerThatIsAskedToExitByItsTaskIsOneThatDied) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit([] { ::exit(3); });
  try {
    task.get();
    ADD_FAILURE() << "no error came";
  } catch (const WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().code(), 3);
  }
  expect_usable(pool);
}

TEST(PoolFailures, APoolWhoseWorkersCannotBeMadeGivesUpWithTheCause) {
  const auto fail = []() -> int { throw std::runtime_error("no database here"); };
  Pool pool{+fail, {.workers = 2}};
  const auto use = [](int&, int x) { return x; };
  for (int tries = 0; tries < 2; ++tries) {
    auto task = pool.submit(use, 1);
    try {
      task.get();
      ADD_FAILURE() << "no error came";
    } catch (const PoolBrokenError& error) {
      EXPECT_NE(std::string(error.what()).find("no database here"), std::string::npos) << error.what();
      EXPECT_THROW(std::rethrow_exception(error.cause()), std::runtime_error);
    }
  }
  EXPECT_THROW(pool.map(use, numbers(1000)).collect(), PoolBrokenError);
}

TEST(PoolFailures, APoolWhoseWorkersCrashAtTheirStartGivesUpAndTriesAnewWhenAsked) {
  const support::TemporaryFile works;
  struct Init {
    std::string path;
    void operator()() const {
      if (std::ifstream(path).peek() == EOF) ::abort();
    }
  };
  Pool pool{Init{works.path()}, {.workers = 2}};
  EXPECT_THROW(pool.submit(square, 1).get(), PoolBrokenError);
  EXPECT_THROW(pool.map(square, numbers(10)).collect(), PoolBrokenError);
  write(works.path());
  expect_usable(pool);
}

// ---- time limits ----

TEST(PoolFailures, ATaskThatRunsTooLongIsKilledAndNoOther) {
  Pool pool{{.workers = 2, .tasks = {.time_limit = 100ms}}};
  const auto hang_at_3 = [](int x) {
    for (volatile bool forever = x == 3; forever;) {}
    return ::getpid();
  };
  std::vector<int> pids;
  for (auto& result : pool.map(hang_at_3, numbers(10)).as_results()) {
    if (result.has_value()) {
      pids.push_back(result.value());
      continue;
    }
    EXPECT_EQ(result.index(), 3U);
    try {
      result.value();
    } catch (const TaskTimeoutError& error) {
      EXPECT_EQ(error.task(), 3U);
    }
  }
  EXPECT_EQ(pids.size(), 9U);
  expect_usable(pool);
}

TEST(PoolFailures, ATimeLimitIsKeptAlsoWhenNobodyWaits) {
  const support::TemporaryFile file;
  Pool pool{{.workers = 1}};
  auto task = pool.submit({.time_limit = 50ms}, write_and_hang, file.path());
  const int pid = pool.pids().at(0);
  (void)task.wait_for(10ms);  // its worker has to become ready, and be given the task
  wait_until_written(file);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_THROW(task.get(), TaskTimeoutError);
}

TEST(PoolFailures, ATaskThatBlocksEverySignalIsKilledAllTheSame) {
  Pool pool{{.workers = 1}};
  const auto block = [] {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    support::sleep_for_ever();
  };
  EXPECT_THROW(pool.submit({.time_limit = 20ms}, block).get(), TaskTimeoutError);
  expect_usable(pool);
}

TEST(PoolFailures, ATaskThatIsTriedAgainIsNotTriedAgainForItsTime) {
  const support::TemporaryFile file;
  Pool pool{{.workers = 1}};
  EXPECT_THROW(pool.submit({.time_limit = 50ms, .max_retries = 5}, write_and_hang, file.path()).get(),
               TaskTimeoutError);
  EXPECT_EQ(file.text(), "x");
}

// ---- cancel ----

TEST(PoolFailures, ACancelledTaskThatHasNotBegunNeverRuns) {
  for (const std::size_t window : {std::size_t{1}, std::size_t{4}}) {  // in the queue, and in the worker's window
    const support::TemporaryFile began, go, ran;
    Pool pool{{.workers = 1, .window = window}};
    auto first = pool.submit(
        [](const std::string& b, const std::string& g) {
          write(b);
          return wait_for(g);
        },
        began.path(), go.path());
    auto second = pool.submit(write, ran.path());
    auto third = pool.submit(square, 3);
    EXPECT_FALSE(first.wait_for(1ms));
    while (began.text().empty()) (void)first.wait_for(1ms);
    EXPECT_TRUE(second.cancel());
    EXPECT_FALSE(second.cancel());
    write(go.path());
    EXPECT_THROW(second.get(), TaskCancelledError);
    EXPECT_EQ(first.get(), 1);
    EXPECT_EQ(third.get(), 9);
    EXPECT_EQ(ran.text(), "");
    EXPECT_TRUE(pool.wait());
  }
}

TEST(PoolFailures, ACancelledTaskThatRunsIsEndedWithItsWorkerAndNoOtherTaskIsHurt) {
  const support::TemporaryFile began;
  Pool pool{{.workers = 1, .window = 4}};
  auto running = pool.submit(write_and_hang, began.path());
  auto behind = pool.submit(square, 3);
  while (began.text().empty()) (void)running.wait_for(1ms);
  EXPECT_TRUE(running.cancel());
  EXPECT_THROW(running.get(), TaskCancelledError);
  EXPECT_EQ(behind.get(), 9);
  EXPECT_TRUE(pool.wait());
  EXPECT_EQ(began.text(), "x");
}

TEST(PoolFailures, ATaskThatHasEndedCannotBeCancelled) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit(square, 3);
  EXPECT_TRUE(task.wait_for(coproc::kForever));
  EXPECT_FALSE(task.cancel());
  EXPECT_EQ(task.get(), 9);
}

TEST(PoolFailures, CancellingManyAtRandomHurtsNobodyElse) {
  Pool pool{{.workers = 2, .window = 8}};
  const auto work = [](int x) {
    std::this_thread::sleep_for(std::chrono::microseconds(x % 7 * 100));
    return x * x;
  };
  std::vector<coproc::Task<int>> tasks;
  for (int i = 0; i < 300; ++i) tasks.push_back(pool.submit(work, i));
  std::vector<bool> is_cancelled(300);
  for (int i = 0; i < 300; i += 3) {
    (void)tasks[static_cast<std::size_t>(i)].wait_for(0ms);
    is_cancelled[static_cast<std::size_t>(i)] = tasks[static_cast<std::size_t>(i)].cancel();
  }
  for (int i = 0; i < 300; ++i) {
    auto& task = tasks[static_cast<std::size_t>(i)];
    if (is_cancelled[static_cast<std::size_t>(i)]) {
      EXPECT_THROW(task.get(), TaskCancelledError);
    } else {
      EXPECT_EQ(task.get(), i * i);
    }
  }
  expect_usable(pool);
}

// ---- the host's side ----

TEST(PoolFailures, AResultRangeThatIsAbandonedLeavesNothingToTheNextMap) {
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

TEST(PoolFailures, WhatHasNotBegunOfAnAbandonedMapIsNotRun) {
  const support::TemporaryFile file;
  Pool pool{{.workers = 1, .window = 100}};
  {
    const auto slow = [](const std::string& path) {
      write(path);
      std::this_thread::sleep_for(20ms);
    };
    auto results = pool.map(slow, std::vector<std::string>(100, file.path()));
    (void)*results.begin();
  }
  expect_usable(pool);
  EXPECT_LT(file.text().size(), 20U);
}

TEST(PoolFailures, WhatTheInputThrowsComesBehindTheResultsOfWhatItGave) {
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

TEST(PoolFailures, APoolThatIsDestroyedInTheMiddleEndsItsWorkersAndCancelsItsTasks) {
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

TEST(PoolFailures, AStoppedPoolSaysSo) {
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

TEST(PoolFailures, AnInterruptEndsTheWaitAndNothingElse) {
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
  write(go.path());
  EXPECT_EQ(task.get(), 1);
}

TEST(PoolFailures, APoolBelongsToTheProcessThatMadeIt) {
  Pool pool{{.workers = 1}};
  expect_usable(pool);
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 0;
    try {
      pool.submit(square, 1);
      code = 1;
    } catch (const coproc::NotOwnerError&) {
      code = 42;
    }
    ::_exit(code);
  }
  EXPECT_EQ(support::end_of(child), "exit 42");
  expect_usable(pool);
}

TEST(PoolFailures, CtrlCEndsTheHostAndItsWorkersWithIt) {
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

TEST(PoolFailures, AWorkerThatLiesCostsItsOwnTaskOnly) {
  Pool pool{{.workers = 2, .worker = {.method = coproc::StartMethod::fork_server}}};
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
