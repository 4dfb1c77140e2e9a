// Workers of a pool that hang: they are ended, the tasks that they ran fail or run again, and the reason is told.
// Workers that only seem to hang are not ended.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "os/sanitizer.hpp"
#include "scenario/hangs.hpp"
#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using namespace pool_test;
using coproc::ExitStatus;
using coproc::Hang;
using coproc::HealthOptions;
using coproc::Pool;
using coproc::Task;
using coproc::WorkerDiedError;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

int spin(int) {
  hangs::spin_on();
  return 0;
}
int sleep_long(int) {
  hangs::sleep_on();
  return 0;
}
int spin_deaf(int) {
  ::signal(SIGTERM, SIG_IGN);
  hangs::spin_on();
  return 0;
}
int beat_and_spin(int) {
  for (int i = 1; i <= 17; ++i) coproc::this_worker::beat("chunk " + std::to_string(i));
  hangs::spin_on();
  return 0;
}
int beat_for_a_while(int) {
  for (int i = 0; i != 60; ++i) {
    coproc::this_worker::beat("still here");
    std::this_thread::sleep_for(20ms);
  }
  return 7;
}
/// Hangs where it is called for the first time.
int spin_once(const std::string& path) {
  if (std::ifstream(path).peek() == EOF) {
    leave_mark(path);
    hangs::spin_on();
  }
  return 5;
}
int pid_of(int) { return ::getpid(); }
int stop_itself(int) {
  ::raise(SIGSTOP);
  return 3;
}

/// How the worker of this task has ended.
template <class T>
ExitStatus end_of(Task<T> task) {
  try {
    (void)task.get();
  } catch (const WorkerDiedError& died) {
    return died.exit_status();
  }
  ADD_FAILURE() << "a result";
  return {};
}

void expect_hung(const ExitStatus& status, Hang::Why why, std::chrono::nanoseconds limit) {
  ASSERT_TRUE(status.hung) << status.describe();
  EXPECT_EQ(status.hung->why, why);
  EXPECT_GE(status.hung->time, limit);
}

HealthOptions all(std::chrono::nanoseconds time) { return {.unread = time, .reply = time, .beat = time}; }

bool is_readable(Pool<>& pool, int timeout_ms = -1) {
  pollfd entry{pool.native_handle(), POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

}  // namespace

TEST(PoolHealth, ATaskThatRunsForTooLongFailsByTheEndOfItsWorker_WhichSaysWhereItWas) {
  struct Way {
    int (*run)(int);
    const char *function, *doing;
  };
  Pool pool{{.workers = 1, .health = {.reply = 200ms}}};
  for (const auto& [run, function, doing] :
       {Way{spin, "spin_on", "running"}, Way{sleep_long, "sleep_on", "blocked in clock_nanosleep"}}) {
    SCOPED_TRACE(function);
    for (;;) {
      const ExitStatus status = end_of(pool.submit(run, 0));
      expect_hung(status, Hang::Why::reply, 200ms);
      // Sanitizers keep signals back. Elsewhere it may not yet have come so far, if others have its processor.
      const bool is_told = testing::Value(status.stack, Contains(HasSubstr(function))) &&
                           testing::Value(status.hung->doing, HasSubstr(doing));
      if (is_told || coproc::os::kHasSanitizer || HasFailure()) break;
    }
  }
  expect_usable(pool);
}

TEST(PoolHealth, TheErrorNamesTheTask) {
  Pool pool{{.workers = 2, .health = {.reply = 200ms}}};
  const auto at_17 = [](int x) { return x == 17 ? spin(x) : x; };
  std::size_t good = 0;
  for (auto& result : pool.map(at_17, numbers(100)).as_results()) {
    if (result.has_value()) {
      ++good;
      continue;
    }
    EXPECT_EQ(result.index(), 17U);
    try {
      (void)result.value();
    } catch (const WorkerDiedError& died) {
      EXPECT_EQ(died.task(), 17U);
      EXPECT_THAT(died.what(), HasSubstr("had been in hand for "));
    }
  }
  EXPECT_EQ(good, 99U);
}

TEST(PoolHealth, AWorkerThatHeedsNoSignalIsKilled) {
  Pool pool{{.workers = 1, .health = {.reply = 200ms, .stack = false}}};
  const ExitStatus status = end_of(pool.submit(spin_deaf, 0));
  expect_hung(status, Hang::Why::reply, 200ms);
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_THAT(status.stack, IsEmpty());
  expect_usable(pool);
}

TEST(PoolHealth, ATaskThatDoesNotBeatAnyMoreIsEnded_AndItsLastNoteIsTold) {
  Pool pool{{.workers = 1, .health = {.beat = 300ms}}};
  EXPECT_EQ(pool.submit(beat_for_a_while, 0).get(), 7);
  const ExitStatus status = end_of(pool.submit(beat_and_spin, 0));
  expect_hung(status, Hang::Why::beat, 300ms);
  EXPECT_EQ(status.hung->note, "chunk 17");
  expect_usable(pool);
}

TEST(PoolHealth, ATaskThatEndsIsASignOfLife) {
  Pool pool{{.workers = 1, .health = {.beat = 400ms}}};
  const auto beat_once = [](int x) {
    if (x == 0) coproc::this_worker::beat("first");
    std::this_thread::sleep_for(100ms);
    return ::getpid();
  };
  const std::vector<int> pids = pool.map(beat_once, numbers(15), {.chunk_size = 5});
  EXPECT_THAT(pids, testing::Each(pids.front()));
}

TEST(PoolHealth, ThatAWorkerReadsNothingIsSeen) {
  Pool pool{{.workers = 1, .window = 2, .health = {.unread = 200ms}}};
  const support::TemporaryFile begun;
  auto first = pool.submit(spin_once, begun.path());
  drive_until_begun(first, begun.path());
  auto second = pool.submit(square, 6);  // it is not taken out together with the first one
  expect_hung(end_of(std::move(first)), Hang::Why::unread, 200ms);
  EXPECT_EQ(second.get(), 36);
}

TEST(PoolHealth, AnInitFunctionThatDoesNotBeatAnyMoreIsEnded) {
  const auto init = [] {
    coproc::this_worker::beat("init");
    hangs::spin_on();
    return 1;
  };
  Pool pool{init, {.workers = 1, .health = {.beat = 200ms}}};
  try {
    (void)pool.submit([](int&, int x) { return x; }, 1).get();
    ADD_FAILURE() << "a result";
  } catch (const coproc::PoolBrokenError& broken) {
    EXPECT_THAT(broken.what(), HasSubstr("since it had not called beat() for "));
  }
}

TEST(PoolHealth, ATaskRunsAgainAfterAHang_ButNotAfterItsTimeLimit) {
  Pool pool{{.workers = 1, .health = {.reply = 200ms}}};
  const support::TemporaryFile hang, limit;
  EXPECT_EQ(pool.submit({.max_retries = 1}, spin_once, hang.path()).get(), 5);
  Pool limited{{.workers = 1}};
  auto task = limited.submit({.time_limit = 200ms, .max_retries = 1}, spin_once, limit.path());
  EXPECT_THROW((void)task.get(), coproc::TaskTimeoutError);
}

TEST(PoolHealth, SeveralHangAtOnce_AndTheOthersGoOn) {
  Pool pool{{.workers = 4, .health = {.reply = 300ms}}};
  std::vector<Task<int>> hung;
  for (int i = 0; i != 3; ++i) hung.push_back(pool.submit(spin, i));
  for (int x : pool.map([](int i) { return std::this_thread::sleep_for(5ms), i; }, numbers(200))) EXPECT_GE(x, 0);
  for (Task<int>& task : hung) expect_hung(end_of(std::move(task)), Hang::Why::reply, 300ms);
  expect_usable(pool);
}

TEST(PoolHealth, SeveralThreadsUseAPoolWhoseWorkersHang) {
  Pool pool{{.workers = 3, .health = {.reply = 150ms}}};
  std::vector<std::thread> threads;
  for (int thread = 0; thread != 3; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i != 3; ++i) {
        auto hung = pool.submit(spin, i);
        EXPECT_EQ(pool.submit(square, i).get(), i * i);
        expect_hung(end_of(std::move(hung)), Hang::Why::reply, 150ms);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(PoolHealth, APoolCanBeStoppedWhileAWorkerIsEndedSinceItHangs) {
  for (int i = 0; i != 5; ++i) {
    const coproc::WorkerOptions soon{.stop = {.close = 50ms, .terminate = 50ms}};
    Pool pool{{.workers = 2, .health = {.reply = 50ms}, .background = true, .worker = soon}};
    auto hung = pool.submit(spin_deaf, 0);
    std::this_thread::sleep_for(i * 20ms);
    pool.stop();
    EXPECT_THROW((void)hung.get(), coproc::Error);
  }
}

// ---- who looks ----

TEST(PoolHealth, AThreadOfThePoolLooks) {
  Pool pool{{.workers = 1, .health = {.reply = 200ms}, .background = true}};
  auto hung = pool.submit(spin, 0);
  while (!hung.is_done()) std::this_thread::sleep_for(1ms);
  expect_hung(end_of(std::move(hung)), Hang::Why::reply, 200ms);
  expect_usable(pool);
}

TEST(PoolHealth, AnEventLoopIsWokenForALook) {
  Pool pool{{.workers = 1, .health = {.reply = 200ms}}};
  std::optional<ExitStatus> status;
  pool.submit(spin, 0).then([&](Task<int> ended) { status = end_of(std::move(ended)); });
  while (!status) {
    ASSERT_TRUE(is_readable(pool));
    pool.poll();
  }
  expect_hung(*status, Hang::Why::reply, 200ms);
}

TEST(PoolHealth, AnEventLoopSleepsWhileAllWorkersAreIdle) {
  Pool pool{{.workers = 2, .health = all(40ms)}};
  auto task = pool.submit(square, 3);
  while (!task.is_done()) {
    ASSERT_TRUE(is_readable(pool));
    pool.poll();
  }
  while (is_readable(pool, 300)) pool.poll();
}

TEST(PoolHealth, AProgramThatPollsFindsAHang) {
  Pool pool{{.workers = 1, .health = {.reply = 200ms}}};
  auto hung = pool.submit(spin, 0);
  while (!hung.wait_for(0s)) std::this_thread::sleep_for(5ms);
  expect_hung(end_of(std::move(hung)), Hang::Why::reply, 200ms);
}

// ---- what does not hang ----

TEST(PoolHealth, AnIdleWorkerIsNotEnded_HoweverShortTheLimits) {
  Pool pool{{.workers = 1, .health = {.beat = 200ms}, .background = true}};
  const auto beat = [](int) { return coproc::this_worker::beat("here"), ::getpid(); };
  const int pid = pool.submit(beat, 0).get();
  std::this_thread::sleep_for(1s);
  EXPECT_EQ(pool.submit(pid_of, 0).get(), pid);
  Pool unread{{.workers = 1, .health = all(200ms), .background = true}};
  const int other = unread.submit(pid_of, 0).get();
  std::this_thread::sleep_for(1s);
  EXPECT_EQ(unread.submit(pid_of, 0).get(), other);
}

TEST(PoolHealth, AWorkerThatIsStoppedIsNotEnded) {
  Pool pool{{.workers = 1, .window = 2, .health = all(300ms)}};
  const int pid = pool.submit(pid_of, 0).get();
  auto stopped = pool.submit(stop_itself, 0);
  auto behind = pool.submit(pid_of, 0);
  EXPECT_FALSE(stopped.wait_for(1500ms));
  EXPECT_EQ(support::state_of(pid), 'T');
  ::kill(pid, SIGCONT);
  EXPECT_EQ(stopped.get(), 3);
  EXPECT_EQ(behind.get(), pid);
}

TEST(PoolHealth, AWorkerWhoseAnswersAreNotTakenInIsNotEnded) {
  Pool pool{{.workers = 2, .window = 8, .health = {.reply = 400ms}, .worker = {.link = {.max_queued_bytes = 1}}}};
  const auto take_a_while = [](int x) { return std::this_thread::sleep_for(100ms), x; };
  auto results = pool.map(take_a_while, numbers(30));
  auto at = results.begin();
  EXPECT_EQ(*at, 0);
  // The wait for this one drives, and leaves the results of the map in the links.
  EXPECT_EQ(pool.submit(square, 3).get(), 9);
  for (int i = 1; i != 30; ++i) {
    ++at;
    EXPECT_EQ(*at, i);
  }
}

// ---- options ----

TEST(PoolHealth, LimitsThatMakeNoSenseAreRefused) {
  EXPECT_THROW(Pool({.workers = 1, .health = {.reply = 0s}}), coproc::InvalidArgumentError);
  EXPECT_THROW(coproc::LazyPool({.workers = 1, .health = {.beat = -1s}}), coproc::InvalidArgumentError);
}

TEST(PoolHealth, TheForksOfALazyPoolAreLookedAtAsWell) {
  coproc::LazyPool pool{{.workers = 2, .health = {.reply = 200ms}}};
  int failed = 0;
  for (auto& result : pool.map([](int x) { return x == 3 ? spin(x) : x; }, numbers(10)).as_results()) {
    if (result.has_value()) continue;
    EXPECT_EQ(result.index(), 3U);
    ++failed;
  }
  EXPECT_EQ(failed, 1);
}
