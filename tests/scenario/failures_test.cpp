// What the system refuses: every system call fails once, and nothing is left behind.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <array>
#include <cerrno>
#include <csignal>

#include "support/fault.hpp"
#include "support/limit.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void echo(PriorityMessenger& host) {
  while (true) host.send_reply(host.receive_blocking<int>());
}

TEST(Failures, EverySystemCallOfAPairMayFail) {
  for (const int error_number : {EMFILE, ENOMEM}) {
    const auto calls = support::fail_each_system_call(error_number, [] {
      auto [a, b] = PriorityMessenger::new_pair();
      a.send_norequest(1);
      (void)a.native_handle();
      (void)b.receive_for<int>(0s);
    });
    EXPECT_GE(calls, 5u);
  }
}

/// The fork server stays for the next worker, by design; here each start makes one.
struct StopServer {
  ~StopServer() { coproc::stop_fork_server(); }
};

TEST(Failures, EverySystemCallOfAStartMayFail) {
  for (const int error_number : {EAGAIN, ENOMEM}) {
    const auto calls = support::fail_each_system_call(error_number, [] {
      WorkerResource worker{echo, {.stop = {.close = 100ms, .terminate = 100ms}}};
      const StopServer first_start_each_time;
      worker.start();
    });
    EXPECT_GE(calls, 10u);
  }
}

TEST(Failures, EverySystemCallOfACapturedStderrAndAGroupMayFail) {
  const auto calls = support::fail_each_system_call(ENOMEM, [] {
    WorkerResource worker{
        echo, {.stop = {.close = 100ms, .terminate = 100ms}, .kill_descendants = true, .capture_stderr = true}};
    const StopServer first_start_each_time;
    worker.start();
    (void)worker.messenger().native_handle();
    (void)worker.messenger().receive_for<int>(1ms);
    worker.stop();
  });
  EXPECT_GE(calls, 15u);
}

TEST(Failures, RunningOutOfDescriptorsIsAStartError) {
  WorkerResource worker{echo};
  {
    const support::Limit few(RLIMIT_NOFILE, 8);
    EXPECT_THROW(worker.start(), coproc::StartError);
  }
  worker.start();
  worker.messenger().send_request(3);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 3);
}

TEST(Failures, AFileSizeLimitIsAStartErrorAndNoSignal) {
  WorkerResource worker{echo};
  {
    const support::Limit small(RLIMIT_FSIZE, 4096);
    try {
      worker.start();
      FAIL();
    } catch (const coproc::StartError& error) {
      EXPECT_EQ(error.error_number(), EFBIG);
      EXPECT_EQ(error.stage(), "link");
    }
  }
  worker.start();
}

TEST(Failures, AWorkerKilledWhileItWritesLosesNothingThatItHadSent) {
  for (int round = 0; round < 20; ++round) {
    WorkerResource worker{[](PriorityMessenger& host) {
      for (int i = 0;; ++i) host.send_norequest(std::pair(i, std::string(static_cast<std::size_t>(i % 7) * 9000, 'w')));
    }};
    worker.start();
    int next = 0;
    try {
      while (true) {
        const auto [number, text] = worker.messenger().receive_blocking<std::pair<int, std::string>>();
        ASSERT_EQ(number, next);
        ASSERT_EQ(text.size(), static_cast<std::size_t>(number % 7) * 9000);
        if (++next == 50) worker.kill();
      }
    } catch (const coproc::WorkerDiedError& error) {
      EXPECT_EQ(error.exit_status().signal(), SIGKILL);
      EXPECT_EQ(error.exit_status().stopped_by, coproc::StopRung::kill);
    }
    EXPECT_GE(next, 50);
  }
}

}  // namespace
