#include <sys/mman.h>
#include <cerrno>

#include "coproc/errors.hpp"
#include "os/fault.hpp"
#include "os/memory.hpp"
#include "process/worker_for_test.hpp"

using namespace coproc;
using namespace coproc::process;
using namespace coproc::process::testing;

namespace {

void expect_failure(const WorkerOptions& options, const std::string& stage, int error_number, const std::string& part) {
  try {
    Child child = start([] { return 0; }, options);
    ADD_FAILURE() << "it started";
  } catch (const StartError& error) {
    EXPECT_EQ(error.stage(), stage);
    EXPECT_EQ(error.error_number(), error_number);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("indexer"), std::string::npos) << error.what();
  }
}

TEST(StartFailure, SaysWhichOptionCannotWork) {
  WorkerOptions good;
  good.name = "indexer";
  WorkerOptions options = good;
  options.working_directory = "/no/such/directory";
  expect_failure(options, "working_directory", ENOENT, "/no/such/directory");
  options = good;
  options.stdin_ = FileDescriptor{987654};
  expect_failure(options, "stdin", EBADF, "987654");
  options = good;
  options.stdout_ = OutputFile{"/no/such/file"};
  expect_failure(options, "stdout", ENOENT, "/no/such/file");
  options = good;
  options.stderr_ = OutputFile{"/proc"};
  expect_failure(options, "stderr", EISDIR, "/proc");
  options = good;
  options.env = {{"A=B", "c"}};
  expect_failure(options, "environment", EINVAL, "env");
  options = good;
  options.keep_fds = {987654};
  options.inherit_fds = false;
  expect_failure(options, "keep_fds", EBADF, "keep_fds");
}

TEST(StartFailure, StdinCannotBeAnOutputFile) {
  WorkerOptions options;
  options.stdin_ = OutputFile{"/dev/null"};
  EXPECT_THROW(start([] { return 0; }, options), InvalidArgumentError);
}

TEST(StartFailure, NoTimeIsAFailure) {
  WorkerOptions options;
  options.name = "indexer";
  options.start_timeout = std::chrono::seconds(-1);
  try {
    Child child = start([] { return 0; }, options);
    Child second = std::move(child);  // it was quicker than the first look: fine as well
  } catch (const StartError& error) {
    EXPECT_EQ(error.error_number(), ETIMEDOUT);
  }
}

/// Fails the Nth system call of host and worker, for N upwards until neither comes that far.
TEST(StartFailure, WhateverCallFailsNothingIsLeftBehind) {
  os::SharedMemory shared = os::create_sealed_memory("test", 4096);
  auto* const calls_in_worker = new (shared.mapping.data()) std::uint64_t(0);
  WorkerOptions options;
  options.stdin_ = DevNull{};
  options.stderr_ = DevNull{};
  options.working_directory = "/";
  options.inherit_fds = false;
  int failures = 0;
  std::uint64_t calls = 0;
  for (std::uint64_t nth = 1; nth <= calls + 1; ++nth) {
    os::arm_fault(nth, ENOSPC);
    try {
      Child child = start(
          [&] {
            *calls_in_worker = os::calls_since_armed();
            return 0;
          },
          options);
      calls = std::max(calls, os::disarm_fault());
      EXPECT_EQ(end_of(child).code(), 0) << nth;
      calls = std::max(calls, *calls_in_worker);
    } catch (const StartError& error) {
      calls = std::max({calls, os::disarm_fault(), nth});
      ++failures;
      EXPECT_TRUE(error.error_number() == ENOSPC || error.stage() == "handshake") << nth << ": " << error.what();
    }
  }
  EXPECT_GT(failures, 10);
}

TEST(StartFailure, AForkThatFailsIsNamed) {
  os::arm_fault(0, 0);
  {
    Child child = start([] { return 0; });
  }
  os::disarm_fault();
  // The pipe, the sockets, the seed and the number of threads come first: the fifth call is the fork.
  os::arm_fault(5, EAGAIN);
  try {
    Child child = start([] { return 0; });
    ADD_FAILURE() << "it started";
  } catch (const StartError& error) {
    EXPECT_EQ(error.stage(), "fork");
    EXPECT_EQ(error.error_number(), EAGAIN);
  }
  os::disarm_fault();
}

}  // namespace
