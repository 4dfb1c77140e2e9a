// Starts in several threads at once, in every way to start a worker, while other threads fork.
#include <atomic>
#include <thread>
#include <vector>

#include "conformance/player.hpp"
#include "os/sanitizer.hpp"
#include "support/process.hpp"

using coproc::StartMethod;
using parts::Player;

namespace {

class ConcurrentStarts : public parts::ByEveryWay {};
INSTANTIATE_TEST_SUITE_P(By, ConcurrentStarts, parts::every_way(), parts::name_of_way);

/// The address sanitizer's allocator takes no care of forks as glibc's does: the child waits for ever for a lock that
/// another thread held.
constexpr const char* kWhyNot = "an allocation may hang in a process that was forked while other threads allocate";

constexpr int kThreads = 4;
constexpr int kStarts = 15;

/// Starts and ends workers of its own; counts those that answered and ended as they should, and says what others did.
void start_workers(parts::Way way, int thread, std::atomic<int>& right) {
  for (int i = 0; i < kStarts; ++i) {
    Player worker(way);
    worker.start("answers");
    const std::string text = std::to_string(thread) + " " + std::to_string(i);
    const std::string echo = worker.ask("echo " + text), links = worker.ask("links");
    const coproc::ExitStatus status = worker->stop();
    if (echo == text && links == "1" && status.success()) {
      ++right;
    } else {
      ADD_FAILURE() << "a worker answered " << echo << " to " << text << ", had " << links << " links, and "
                    << status.report();
    }
  }
}

TEST_P(ConcurrentStarts, AreAsGoodAsOneAfterTheOther) {
  if (coproc::os::kHasSanitizer && GetParam() == StartMethod::fork) GTEST_SKIP() << kWhyNot;
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&, i] { start_workers(GetParam(), i, right); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads * kStarts);
}

TEST_P(ConcurrentStarts, WhileOtherThreadsForkAndRunPrograms) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << kWhyNot;
  std::atomic<int> right{0}, bad_forks{0}, bad_programs{0};
  std::atomic<bool> is_over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&, i] { start_workers(GetParam(), i, right); });
  std::thread forks([&] {
    while (!is_over) {
      const pid_t child = ::fork();
      // No link is left in it, not even one that was just being made.
      if (child == 0) ::_exit(parts::answer("links") == "0" ? 0 : 1);
      if (support::end_of(child) != "exit 0") ++bad_forks;
    }
  });
  std::thread runs([&] {
    while (!is_over) {
      if (parts::answer("system true") != "0") ++bad_programs;
    }
  });
  for (auto& thread : threads) thread.join();
  is_over = true;
  forks.join();
  runs.join();
  EXPECT_EQ(right, kThreads * kStarts);
  EXPECT_EQ(bad_forks, 0);
  EXPECT_EQ(bad_programs, 0);
}

TEST(ForkServer, StartsGoOnWhileItIsStoppedAndStartedByOthers) {
  std::atomic<int> right{0};
  std::atomic<bool> is_over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { start_workers(StartMethod::fork_server, i, right); });
  }
  std::thread other([&] {
    while (!is_over) {
      coproc::stop_fork_server();
      coproc::start_fork_server();
    }
  });
  for (auto& thread : threads) thread.join();
  is_over = true;
  other.join();
  EXPECT_EQ(right, kThreads * kStarts);
}

}  // namespace
