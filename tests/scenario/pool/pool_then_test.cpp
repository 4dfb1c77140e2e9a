// The end of a task calls a function, or resumes a coroutine.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <algorithm>
#include <atomic>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::Task;

namespace {

int square(int x) { return x * x; }
int fail(int) { throw std::out_of_range("no such number"); }
void die() { ::_exit(9); }
int sleep_long(int x) {
  ::sleep(1000);
  return x;
}

/// A coroutine that begins at once and has no result: as much of a scheduler as these tests need.
struct Started {
  struct promise_type {
    Started get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

TEST(PoolThen, IsCalledOnceWithTheEndedTask) {
  Pool pool({.workers = 2});
  std::vector<int> results;
  for (int i = 0; i < 100; ++i)
    pool.submit(&square, i).then([&results](Task<int> ended) {
      EXPECT_TRUE(ended.is_done());
      results.push_back(ended.get());
    });
  EXPECT_TRUE(pool.wait());
  std::sort(results.begin(), results.end());
  ASSERT_EQ(results.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], i * i);
}

TEST(PoolThen, OfATaskThatHasEndedIsCalledAtOnce) {
  Pool pool({.workers = 1});
  Task<int> task = pool.submit(&square, 3);
  while (!task.is_done()) std::this_thread::sleep_for(1ms);
  int result = 0;
  task.then([&](Task<int> ended) { result = ended.get(); });
  EXPECT_EQ(result, 9);
  Task<int> waited = pool.submit(&square, 4);
  ASSERT_TRUE(waited.wait_for(60s));  // the handle holds the result already
  waited.then([&](Task<int> ended) { result = ended.get(); });
  EXPECT_EQ(result, 16);
  EXPECT_FALSE(waited.is_valid());
  EXPECT_THROW(waited.get(), coproc::InvalidArgumentError);
  EXPECT_THROW(waited.then([](Task<int>) {}), coproc::InvalidArgumentError);
}

TEST(PoolThen, IsAlsoCalledForFailuresDeathsAndCancelledTasks) {
  std::vector<std::string> ends;
  const auto note = [&ends](auto ended) {
    try {
      ended.get();
      ends.push_back("value");
    } catch (const std::out_of_range&) {
      ends.push_back("out of range");
    } catch (const coproc::WorkerDiedError&) {
      ends.push_back("died");
    } catch (const coproc::TaskCancelledError&) {
      ends.push_back("cancelled");
    }
  };
  {
    Pool pool({.workers = 1});
    pool.submit(&fail, 1).then(note);
    EXPECT_TRUE(pool.wait());
    pool.submit(&die).then(note);
    EXPECT_TRUE(pool.wait());
    pool.submit(&sleep_long, 1).then(note);
  }  // the destructor cancels
  EXPECT_EQ(ends, (std::vector<std::string>{"out of range", "died", "cancelled"}));
}

// Each function submits the next task. If such functions were nested, the stack would end.
TEST(PoolThen, FunctionsThatSubmitTasksDoNotNest) {
  struct Chain {
    Pool<>& pool;
    int left;
    int depth = 0;
    int deepest = 0;
    void submit() {
      pool.submit(&square, 1).then([this](Task<int> ended) {
        deepest = std::max(deepest, ++depth);
        ended.get();
        if (--left != 0) submit();
        --depth;
      });
    }
  };
  Pool pool({.workers = 1});
  Chain chain{pool, 3000};
  chain.submit();
  while (chain.left != 0) EXPECT_TRUE(pool.wait());
  EXPECT_EQ(chain.deepest, 1);
}

// What the function waits for may depend on a function that was left to the call under way.
TEST(PoolThen, AWaitInsideOfAFunctionCallsWhatIsLeft) {
  Pool pool({.workers = 2});
  int inner = 0;
  std::vector<int> seen;
  pool.submit(&square, 2).then([&](Task<int> ended) {
    pool.submit(&square, 3).then([&](Task<int> other) { inner = other.get(); });
    Task<int> third = pool.submit(&square, 4);
    seen = {ended.get(), third.get()};
    EXPECT_TRUE(pool.wait());
    while (inner == 0) EXPECT_TRUE(pool.wait());
  });
  EXPECT_TRUE(pool.wait());
  while (seen.empty()) EXPECT_TRUE(pool.wait());
  EXPECT_EQ(seen, (std::vector{4, 16}));
  EXPECT_EQ(inner, 9);
}

TEST(PoolThen, IsCalledByTheThreadOfABackgroundPool) {
  std::atomic<int> result = 0;
  std::atomic<std::thread::id> caller;
  Pool pool({.workers = 1, .background = true});
  pool.submit(&square, 5).then([&](Task<int> ended) {
    caller = std::this_thread::get_id();
    result = ended.get();
    result.notify_one();
  });
  result.wait(0);
  EXPECT_EQ(result, 25);
  EXPECT_NE(caller.load(), std::this_thread::get_id());
}

TEST(PoolThen, IsCalledByPollInAnEventLoop) {
  Pool pool({.workers = 1});
  std::optional<int> result;
  pool.submit(&square, 6).then([&](Task<int> ended) { result = ended.get(); });
  pollfd fd{pool.native_handle(), POLLIN, 0};
  while (!result) {
    ASSERT_EQ(::poll(&fd, 1, 60'000), 1);
    pool.poll();
  }
  EXPECT_EQ(result, 36);
}

TEST(PoolThen, TheFunctionMayOwnThePool) {
  auto pool = std::make_shared<Pool<>>(coproc::PoolOptions{.workers = 1});
  bool is_called = false;
  pool->submit(&square, 7).then([&is_called, keeps = pool](Task<int>) { is_called = true; });
  const std::weak_ptr<Pool<>> watched = pool;
  EXPECT_TRUE(pool->wait());
  EXPECT_TRUE(is_called);
  pool.reset();
  EXPECT_TRUE(watched.expired());
}

TEST(PoolThen, AnExceptionOfTheFunctionEndsTheProgram) {
  coproc::WorkerResource worker{[](coproc::PriorityMessenger&) {
    Pool pool({.workers = 1});
    pool.submit(&square, 1).then([](Task<int>) { throw std::runtime_error("nobody catches this"); });
    pool.wait();
  }};
  worker.start();
  EXPECT_EQ(worker.join().signal(), SIGABRT);
}

TEST(PoolThen, AMovedTaskIsNotValid) {
  Pool pool({.workers = 1});
  Task<int> first = pool.submit(&square, 2);
  Task<int> second = std::move(first);
  EXPECT_FALSE(first.is_valid());
  EXPECT_FALSE(first.is_done());
  EXPECT_FALSE(first.cancel());
  EXPECT_THROW(first.get(), coproc::InvalidArgumentError);
  first = std::move(second);
  EXPECT_EQ(first.get(), 4);
}

// ---- coroutines ----

Started add_squares(Pool<>& pool, std::vector<int> numbers, int& sum) {
  int own = 0;
  for (const int number : numbers) own += co_await pool.submit(&square, number);
  sum += own;
}

TEST(PoolCoroutine, AwaitsTasks) {
  Pool pool({.workers = 2});
  int sum = 0;
  for (int i = 0; i < 10; ++i) add_squares(pool, {1, 2, 3}, sum);
  while (sum != 140) EXPECT_TRUE(pool.wait());
  EXPECT_EQ(pool.pending(), 0u);
}

Started catch_error(Pool<>& pool, std::string& caught) {
  try {
    co_await pool.submit(&fail, 1);
  } catch (const std::out_of_range& error) {
    caught = error.what();
  }
  co_await pool.submit(+[] {});
  caught += "!";
}

TEST(PoolCoroutine, GetsTheExceptionsOfTasks) {
  Pool pool({.workers = 1});
  std::string caught;
  catch_error(pool, caught);
  while (caught != "no such number!") EXPECT_TRUE(pool.wait());
}

Started await_many(Pool<>& pool, int count, int& done) {
  for (int i = 0; i < count; ++i) co_await pool.submit(&square, i);
  ++done;
}

TEST(PoolCoroutine, DoesNotNestHoweverManyItAwaits) {
  Pool pool({.workers = 1});
  int done = 0;
  await_many(pool, 3000, done);
  while (done == 0) EXPECT_TRUE(pool.wait());
}

Started await_for_ever(Pool<>& pool, bool& is_cancelled) {
  try {
    co_await pool.submit(&sleep_long, 1);
  } catch (const coproc::TaskCancelledError&) {
    is_cancelled = true;
  }
}

TEST(PoolCoroutine, IsResumedWhenThePoolEnds) {
  bool is_cancelled = false;
  {
    Pool pool({.workers = 1});
    await_for_ever(pool, is_cancelled);
    EXPECT_FALSE(is_cancelled);
  }
  EXPECT_TRUE(is_cancelled);
}

}  // namespace
