// A pool whose functions are bytes, as a module for another language makes one: detail/pool_worker.hpp.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>
#include <coproc/detail/pool_worker.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::detail::JobHandle;
using coproc::detail::PoolFunction;
using coproc::detail::PoolHandle;
using coproc::detail::TaskPtr;
using coproc::detail::TaskRun;

namespace {

// ---- in a worker ----

int functions_alive = 0;  // that this worker keeps

/// In this language a function is its own name.
void run_word(TaskRun& run) {
  const auto argument = coproc::decode<int>(run.arguments);
  run.is_decoded = true;
  if (run.is_skipped) return;
  if (!run.function.made) {
    ++functions_alive;
    run.function.made = std::shared_ptr<void>(nullptr, [](void*) { --functions_alive; });
  }
  const std::string& word = run.function.data;
  if (word == "fail") throw std::runtime_error("as it was told");
  if (word == "end") throw coproc::detail::EndOfPoolWorker();
  if (word == "sleep") std::this_thread::sleep_for(std::chrono::milliseconds(argument));
  const int result = word == "square" ? argument * argument : word == "functions alive" ? functions_alive : argument;
  run.reply(run, coproc::detail::outgoing(result));
}

void serve(coproc::PriorityMessenger& host) {
  try {
    coproc::detail::run_pool_tasks(host, {.run = &run_word}, {[] {}, []() noexcept {}});
  } catch (const coproc::detail::EndOfPoolWorker&) {}
}

// ---- in the host ----

class WordWorker final : public coproc::detail::PoolWorker {
 public:
  void start() override { worker_.start(); }
  coproc::Worker& worker() noexcept override { return worker_; }
  coproc::PriorityMessenger& messenger() override { return worker_.messenger(); }

 private:
  coproc::WorkerResource<void (*)(coproc::PriorityMessenger&)> worker_{&serve, {.name = "words"}};
};

struct WordCall final : coproc::detail::Task {
  explicit WordCall(int argument) : argument_(argument) {}
  void encode(coproc::Encoder& encoder) const override { coproc::encode(encoder, argument_); }

 private:
  const int argument_;
};

PoolHandle make_pool(std::size_t workers) {
  return {coproc::PoolOptions{.workers = workers}, [](std::size_t) { return std::make_unique<WordWorker>(); }};
}

JobHandle submit(PoolHandle& pool, std::shared_ptr<PoolFunction> function, int argument) {
  JobHandle job(pool, std::move(function), {}, {.is_submitted = true});
  std::vector<TaskPtr> tasks;
  tasks.push_back(std::make_unique<WordCall>(argument));
  job.add(std::move(tasks));
  job.end_input();
  return job;
}

/// Throws the task's error.
int result_of(JobHandle& job) {
  std::deque<TaskPtr> results;
  while (results.empty()) job.wait(results);
  return coproc::detail::decode_result<int>(*results.front());
}

int call(PoolHandle& pool, const std::string& word, int argument) {
  JobHandle job = submit(pool, pool.new_function(word), argument);
  return result_of(job);
}

TEST(PoolOfAnotherLanguage, RunsFunctionsThatAreBytes) {
  PoolHandle pool = make_pool(2);
  EXPECT_EQ(call(pool, "square", 7), 49);
  EXPECT_THROW(call(pool, "fail", 0), std::runtime_error);
  EXPECT_EQ(call(pool, "square", 8), 64);
}

TEST(PoolOfAnotherLanguage, ATaskMayEndItsWorker) {
  PoolHandle pool = make_pool(1);
  EXPECT_THROW(call(pool, "end", 0), coproc::WorkerDiedError);
  EXPECT_EQ(call(pool, "square", 7), 49);
  EXPECT_EQ(pool.insights().workers[0].starts, 2U);
}

/// Otherwise a program that makes functions again and again would fill its workers.
TEST(PoolOfAnotherLanguage, WorkersForgetWhatTheHostHasDropped) {
  PoolHandle pool = make_pool(1);
  const auto kept = pool.new_function("square");
  JobHandle first = submit(pool, kept, 3);
  EXPECT_EQ(result_of(first), 9);
  for (int i = 0; i < 100; ++i) call(pool, "echo", i);
  // This one, `kept`, and what the worker had no reason to look at since.
  EXPECT_LE(call(pool, "functions alive", 0), 4);
  JobHandle again = submit(pool, kept, 4);
  EXPECT_EQ(result_of(again), 16);
}

TEST(PoolOfAnotherLanguage, TellsWhenATaskHasEnded) {
  PoolHandle pool = make_pool(1);
  std::vector<int> ended;
  JobHandle slow = submit(pool, pool.new_function("sleep"), 20);
  JobHandle next = submit(pool, pool.new_function("square"), 3);
  slow.then([&] { ended.push_back(1); });
  next.then([&] {
    ended.push_back(2);
    EXPECT_EQ(call(pool, "square", 5), 25);  // it may use the pool
  });
  EXPECT_TRUE(pool.wait(coproc::kForever));
  EXPECT_EQ(ended, (std::vector{1, 2}));
  next.then([&] { ended.push_back(3); });  // it has ended
  EXPECT_EQ(ended, (std::vector{1, 2, 3}));
  next.then([] { throw std::runtime_error("which is for nobody"); });
  EXPECT_EQ(result_of(next), 9);
}

TEST(PoolOfAnotherLanguage, TellsTheEndOfATaskThatWasCancelledToo) {
  PoolHandle pool = make_pool(1);
  JobHandle slow = submit(pool, pool.new_function("sleep"), 60'000);
  bool is_told = false;
  slow.then([&] { is_told = true; });
  EXPECT_TRUE(slow.cancel());
  EXPECT_THROW(result_of(slow), coproc::TaskCancelledError);
  EXPECT_TRUE(pool.wait(coproc::kForever));
  EXPECT_TRUE(is_told);
}

TEST(PoolOfAnotherLanguage, OneOfSeveralTasksCanBeWaitedFor) {
  PoolHandle pool = make_pool(2);
  EXPECT_FALSE(JobHandle::wait_any({}, 0s));
  JobHandle slow = submit(pool, pool.new_function("sleep"), 60'000);
  JobHandle quick = submit(pool, pool.new_function("sleep"), 10);
  JobHandle* const both[] = {&slow, &quick};
  JobHandle* const one[] = {&slow};
  EXPECT_TRUE(JobHandle::wait_any(both, coproc::kForever));
  EXPECT_TRUE(quick.is_done());
  EXPECT_FALSE(JobHandle::wait_any(one, 10ms));
  EXPECT_FALSE(slow.is_done());
  EXPECT_TRUE(slow.cancel());
  EXPECT_TRUE(JobHandle::wait_any(one, coproc::kForever));
}

}  // namespace
