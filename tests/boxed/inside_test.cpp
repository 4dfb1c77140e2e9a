// All that a worker is good for works in a box, and in one in which every refused call would end it: so the library
// itself calls nothing that is refused.
#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "boxed/boxed_worker.hpp"

using boxed::BoxedWorker;
using coproc::Sandbox;
using coproc::WorkerOptions;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

class Inside : public boxed::ByEveryMethod {
 protected:
  /// Strict, so that no call of the library is refused without notice.
  static WorkerOptions options() { return {.name = "inside", .sandbox = Sandbox::compute().strict()}; }
};
INSTANTIATE_TEST_SUITE_P(By, Inside, boxed::every_method(), boxed::name_of_method);

TEST_P(Inside, MessagesOfAllSizesAndLoans) {
  BoxedWorker worker(GetParam(), options());
  worker.start();
  for (const std::size_t bytes : {0U, 1U, 100U, 5'000U, 20'000U, 70'000U, 300'000U, 5'000'000U, 64U << 20}) {
    const std::string text(bytes, static_cast<char>('a' + bytes % 26));
    EXPECT_EQ(worker.ask("echo " + text), text) << bytes;
  }
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(worker.ask("echo " + std::to_string(i)), std::to_string(i));
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Inside, MessagesWithoutLoans) {
  WorkerOptions copies = options();
  copies.link.automatic_loans = false;
  BoxedWorker worker(GetParam(), copies);
  worker.start();
  const std::string text(5'000'000, 'x');
  EXPECT_EQ(worker.ask("echo " + text), text);
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Inside, ThreadsAndPairsOfMessengers) {
  BoxedWorker worker(GetParam(), options());
  worker.start();
  EXPECT_EQ(worker.ask("threads"), "36");
  EXPECT_EQ(worker.ask("return_memory_in_a_thread"), "returned");
  EXPECT_EQ(worker.ask("pair"), "300001");
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Inside, AWorkerThatAThreadOfItsHostHasStartedReturnsMemory) {
  BoxedWorker worker(GetParam(), options());
  std::thread([&] { worker.start(); }).join();
  EXPECT_EQ(worker.ask("return_memory"), "returned");
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Inside, AWorkerThatSleepsIsWoken) {
  BoxedWorker worker(GetParam(), options());
  worker.start();
  for (int i = 0; i < 3; ++i) {
    while (support::state_of(worker->pid()) != 'S') std::this_thread::yield();
    EXPECT_EQ(worker.ask("echo awake"), "awake");
  }
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Inside, ExceptionsKeepTheirTypes) {
  BoxedWorker worker(GetParam(), options());
  worker.start();
  EXPECT_THROW(worker.ask("throw no such index"), std::out_of_range);
  EXPECT_EQ(worker->join().code(), 1);
  EXPECT_THAT(worker->exit_status()->exception_text, HasSubstr("no such index"));
}

TEST_P(Inside, CrashesAreReportedWithTheirStacks) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << "the sanitizer reports crashes itself, by its own handlers";
  for (const char* how : {"crash", "abort"}) {
    BoxedWorker worker(GetParam(), options());
    worker.start();
    EXPECT_THROW(worker.ask(how), coproc::WorkerDiedError);
    const auto status = worker->join();
    EXPECT_EQ(status.signal(), std::string(how) == "crash" ? SIGSEGV : SIGABRT) << status.report();
    EXPECT_FALSE(status.stack.empty()) << status.report();
    EXPECT_FALSE(status.violation) << status.report();
  }
}

TEST_P(Inside, WhatItPrintsToStderrIsKept) {
  WorkerOptions captured = options();
  captured.capture_stderr = true;
  BoxedWorker worker(GetParam(), captured);
  worker.start();
  EXPECT_EQ(worker.ask("print from inside"), "printed");
  EXPECT_EQ(worker->stop().stderr_tail, "from inside\n");
}

TEST_P(Inside, WhatItPrintsToStdoutArrives) {
  const support::Pipe out;
  WorkerOptions piped = options();
  piped.stdout_ = coproc::FileDescriptor{out.write_fd()};
  BoxedWorker worker(GetParam(), piped);
  worker.start();
  EXPECT_EQ(worker.ask("print_out from inside"), "printed");
  EXPECT_TRUE(worker->stop().success());
  EXPECT_EQ(out.read_text('\n'), "from inside");
}

TEST_P(Inside, DescriptorsThatWereGivenToItCanBeUsed) {
  const support::Pipe out;
  WorkerOptions given = options();
  given.keep_fds = {out.write_fd()};
  BoxedWorker worker(GetParam(), given);
  worker.start();
  EXPECT_EQ(worker.ask("write_file " + std::to_string(out.write_fd())), "wrote 4096");
  EXPECT_EQ(out.read<char>(), 'f');
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Inside, AForkHasNoOtherDescriptors) {
  const support::Pipe secret;
  BoxedWorker worker(GetParam(), Sandbox::compute());
  worker.start();
  EXPECT_EQ(worker.ask("write_file " + std::to_string(secret.write_fd())), "EBADF");
}

TEST_P(Inside, ItIsStoppedByEveryStepOfTheLadder) {
  BoxedWorker worker(GetParam(), options());
  worker.start();
  EXPECT_EQ(worker.ask("echo ready"), "ready");
  EXPECT_TRUE(worker->stop().success());
  worker.start();
  EXPECT_EQ(worker.ask("spin after this"), "spins");
  EXPECT_EQ(worker->stop({.close = 0s, .terminate = coproc::kForever}).signal(), SIGTERM);
  worker.start();
  EXPECT_EQ(worker.ask("spin after this"), "spins");
  worker->kill();
  EXPECT_EQ(worker->join().signal(), SIGKILL);
}

TEST_P(Inside, ItEndsWithItsHost) {
  for (const char* what : {"echo idle", "spin after this"}) {
    const support::Orphans orphans;
    const support::Pipe from_host;
    support::Host host([&] {
      BoxedWorker worker(GetParam(), options());
      worker.start();
      (void)worker.ask(what);
      from_host.write(worker->pid());
      support::sleep_for_ever();
    });
    const auto worker = from_host.read<pid_t>();
    host.kill();
    const std::string end = support::end_of(worker);  // hangs where it does not end
    EXPECT_TRUE(end == "exit 0" || end == "signal 9") << what << ": " << end;
  }
}

TEST_P(Inside, ItCanBeStartedAgain) {
  BoxedWorker worker(GetParam(), options());
  for (int i = 0; i < 3; ++i) {
    worker.start();
    EXPECT_EQ(worker.ask("try open_not_there"), "there is no attempt open_not_there");
    EXPECT_TRUE(worker->confinement().filters_calls);
    EXPECT_TRUE(worker->stop().success());
  }
}

int square(int number) { return number * number; }
int spin(int) {
  for (std::atomic<bool> for_ever{true}; for_ever;) {}
  return 0;
}
int open_a_file(int) { return boxed::attempt("open", "/etc/passwd") == "EACCES" ? 1 : 0; }

TEST(InsidePools, TasksRunInBoxes) {
  coproc::PoolOptions options;
  options.worker = {.name = "boxed", .sandbox = Sandbox::compute().strict()};
  options.workers = 2;
  coproc::Pool pool(options);
  std::vector<int> numbers;
  for (int i = 0; i < 200; ++i) numbers.push_back(i);
  int sum = 0;
  for (const int result : pool.map(&square, numbers)) sum += result;
  EXPECT_EQ(sum, 199 * 200 * 399 / 6);
  options.worker.sandbox = Sandbox::compute();
  coproc::Pool soft(options);
  EXPECT_EQ(soft.submit(&open_a_file, 0).get(), 1);
}

TEST(InsidePools, TimeLimitsOfTasksHold) {
  coproc::PoolOptions options;
  options.worker = {.name = "boxed", .sandbox = Sandbox::compute().strict()};
  options.workers = 1;
  options.recycle.memory = std::size_t{1} << 40;
  options.pin = true;
  coproc::Pool pool(options);
  EXPECT_EQ(pool.submit(&square, 3).get(), 9);
  auto endless = pool.submit(coproc::TaskOptions{.time_limit = 50ms}, &spin, 0);
  EXPECT_THROW((void)endless.get(), coproc::TaskTimeoutError);
  EXPECT_EQ(pool.submit(&square, 4).get(), 16);
}

TEST(InsidePools, ATaskThatLeavesItsBoxFailsAloneAndIsNamed) {
  coproc::PoolOptions options;
  options.worker = {.name = "boxed", .sandbox = Sandbox::compute().strict()};
  options.workers = 2;
  coproc::Pool pool(options);
  auto bad = pool.submit(&open_a_file, 0);
  auto good = pool.submit(&square, 7);
  EXPECT_EQ(good.get(), 49);
  try {
    (void)bad.get();
    FAIL() << "it opened a file";
  } catch (const coproc::WorkerDiedError& error) {
    ASSERT_TRUE(error.exit_status().violation) << error.what();
    EXPECT_EQ(error.exit_status().violation->call, "openat");
  }
}

}  // namespace
