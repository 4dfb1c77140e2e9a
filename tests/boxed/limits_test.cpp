// Limits hold for every start method, with a sandbox and without.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <tuple>

#include "boxed/boxed_worker.hpp"

using boxed::BoxedWorker;
using coproc::InvalidArgumentError;
using coproc::Sandbox;
using coproc::StartError;
using coproc::StartMethod;
using coproc::WorkerOptions;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMiB = 1 << 20;

class Limits : public testing::TestWithParam<std::tuple<StartMethod, bool>> {
 protected:
  void SetUp() override {
    if (coproc::os::kHasSanitizer && is_boxed() && method() == StartMethod::executable) {
      GTEST_SKIP() << "a program's own check for leaks, at its end, traces it, which no sandbox allows";
    }
  }
  static StartMethod method() { return std::get<0>(GetParam()); }
  static bool is_boxed() { return std::get<1>(GetParam()); }
  static WorkerOptions with(coproc::Limits limits) {
    WorkerOptions options{.name = "limited", .limits = limits};
    if (is_boxed()) options.sandbox = Sandbox::compute();
    return options;
  }
};
std::string name_of_case(const testing::TestParamInfo<std::tuple<StartMethod, bool>>& info) {
  const auto [method, is_boxed] = info.param;
  return boxed::name_of_method({method, info.index}) + (is_boxed ? "_boxed" : "");
}
INSTANTIATE_TEST_SUITE_P(By, Limits, testing::Combine(boxed::every_method(), testing::Bool()), name_of_case);

TEST_P(Limits, TooMuchMemoryIsBadAllocAndTheWorkerGoesOn) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << "the sanitizer's own memory counts, too";
  BoxedWorker worker(method(), with({.memory = 256 * kMiB}));
  worker.start();
  EXPECT_EQ(worker.ask("allocate " + std::to_string(64 * kMiB)), "has " + std::to_string(64 * kMiB));
  EXPECT_EQ(worker.ask("allocate " + std::to_string(400 * kMiB)), "bad_alloc");
  const std::string text(8 * kMiB, 'l');
  EXPECT_EQ(worker.ask("echo " + text), text);  // loans both ways
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Limits, AMemoryThatItsProcessHasAlreadyIsRefused) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << "the sanitizer's own memory counts, too";
  BoxedWorker worker(method(), with({.memory = 1000}));
  try {
    worker.start();
    FAIL() << "it started";
  } catch (const StartError& error) {
    EXPECT_EQ(error.stage(), "sandbox");
    EXPECT_THAT(error.what(), HasSubstr("Limits::memory is 1000 bytes, and its process begins with"));
  }
}

TEST_P(Limits, TooMuchProcessorTimeEndsItAndSaysWhere) {
  BoxedWorker worker(method(), with({.cpu_time = 1s}));
  worker.start();
  EXPECT_THAT(worker.ask_or_end("spin"), HasSubstr("was killed by SIGXCPU"));
  const auto status = worker->join();
  EXPECT_EQ(status.signal(), SIGXCPU);
  EXPECT_THAT(status.report(), HasSubstr("RLIMIT_CPU"));
  EXPECT_THAT(status.report(), HasSubstr("spin_for_ever"));
  EXPECT_EQ(coproc::StopRung::none, status.stopped_by);
}

TEST_P(Limits, TooManyDescriptorsAreAnError) {
  BoxedWorker worker(method(), with({.open_files = 400}));
  worker.start();
  EXPECT_EQ(worker.ask("descriptors"), "EMFILE after 400");
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Limits, FewerDescriptorsThanItHasLeaveItThose) {
  BoxedWorker worker(method(), with({.open_files = 0}));
  worker.start();
  EXPECT_THAT(worker.ask("descriptors"), HasSubstr("EMFILE after "));
  const std::string text(300'000, 'd');
  EXPECT_EQ(worker.ask("echo " + text), text);
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Limits, TooLargeAFileEndsItAndLinksAreNoFiles) {
  const int file = ::memfd_create("limited", 0);
  ASSERT_GE(file, 0);
  WorkerOptions options = with({.file_size = 100});
  options.keep_fds = {file};
  BoxedWorker worker(method(), options);
  worker.start();
  const std::string text(8 * kMiB, 'f');
  EXPECT_EQ(worker.ask("echo " + text), text);
  EXPECT_EQ(worker.ask("write_file " + std::to_string(file)), "wrote 100");
  EXPECT_THAT(worker.ask_or_end("write_file " + std::to_string(file)), HasSubstr("was killed by SIGXFSZ"));
  EXPECT_FALSE(worker->join().stack.empty());
  ::close(file);
}

TEST_P(Limits, PriorityAndProcessesAreSet) {
  BoxedWorker worker(method(), with({.processes = 10'000, .priority = 7}));
  worker.start();
  EXPECT_EQ(worker.ask("nice"), "7");
  EXPECT_EQ(worker.ask("try own_priority 9"), "works");
  EXPECT_EQ(worker.ask("try own_priority -5"), "EACCES");  // also by root
  EXPECT_EQ(worker.ask("try real_time"), "EPERM");
  EXPECT_EQ(worker.ask("limit " + std::to_string(RLIMIT_NPROC)), "10000 10000");
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Limits, TheHostsOwnLimitsAreNotRaised) {
  EXPECT_EQ(support::in_host([] {
              const rlimit host{500, 600};
              ::setrlimit(RLIMIT_NOFILE, &host);
              BoxedWorker worker(method(), with({.open_files = 550}));
              worker.start();
              return worker.ask("limit " + std::to_string(RLIMIT_NOFILE));
            }),
            "500 550");
}

TEST_P(Limits, ABoxedWorkerLeavesNoCoreDump) {
  BoxedWorker worker(method(), with({}));
  worker.start();
  const std::string core = worker.ask("limit " + std::to_string(RLIMIT_CORE));
  rlimit host{};
  ::getrlimit(RLIMIT_CORE, &host);
  EXPECT_EQ(core, is_boxed() ? "0 0" : std::to_string(host.rlim_cur) + " " + std::to_string(host.rlim_max));
}

TEST(LimitsThatCannotBe, AreRefusedBeforeTheStart) {
  const auto refused = [](coproc::Limits limits) {
    BoxedWorker worker(StartMethod::fork_server, WorkerOptions{.limits = limits});
    EXPECT_THROW(worker.start(), InvalidArgumentError);
  };
  refused({.cpu_time = 0s});
  refused({.priority = -1});
  refused({.priority = 20});
}

}  // namespace
