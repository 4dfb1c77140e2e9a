// Descriptors that are open go on to be waited for when the limit of descriptors is below them.
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <chrono>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "os/sanitizer.hpp"
#include "support/process.hpp"

using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::WorkerResource;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kLent = 8u << 20;

bool allow_no_more_descriptors() {
  const rlimit none{0, 0};
  return ::setrlimit(RLIMIT_NOFILE, &none) == 0;
}

void serve_without_descriptors(PriorityMessenger& host) {
  if (!allow_no_more_descriptors()) throw std::runtime_error("setrlimit");
  for (;;) host.send_reply(host.receive_blocking<std::string>());
}

pid_t pid_without_descriptors(int) {
  allow_no_more_descriptors();
  return ::getpid();
}

void tell_pid_and_wait(PriorityMessenger& host) {
  allow_no_more_descriptors();
  host.send_norequest(::getpid());
  host.receive_blocking();
}

}  // namespace

struct LowDescriptorLimit : ::testing::Test {
  void SetUp() override {
    if (coproc::os::kHasSanitizer) GTEST_SKIP() << "UBSan's check of objects opens a descriptor";
  }
};

TEST_F(LowDescriptorLimit, AWorkerThatMayOpenNothingMoreTalksOn) {
  for (const auto method : {StartMethod::fork_server, StartMethod::spawn, StartMethod::fork}) {
    SCOPED_TRACE(static_cast<int>(method));
    WorkerResource worker{&serve_without_descriptors, {.method = method}};
    worker.start();
    for (const std::size_t size : {std::size_t{1}, std::size_t{300'000}, kLent}) {
      worker.messenger().send_request(std::string(size, 'x'));
      EXPECT_EQ(worker.messenger().receive_for<std::string>(20s), std::string(size, 'x'));
    }
    const coproc::ExitStatus status = worker.stop();
    EXPECT_TRUE(status.success()) << status.report();
  }
}

TEST_F(LowDescriptorLimit, APoolsWorkersThatMayOpenNothingMoreGoOn) {
  std::vector<int> values(50);
  std::iota(values.begin(), values.end(), 0);
  coproc::Pool pool{{.workers = 2}};
  coproc::LazyPool lazy{{.workers = 2}};
  for (const pid_t pid : pool.map(&pid_without_descriptors, values)) EXPECT_GT(pid, 0);
  std::size_t starts = 0;
  for (const auto& worker : pool.insights().workers) starts += worker.starts;
  EXPECT_EQ(starts, 2u);
  for (const pid_t pid : lazy.map(&pid_without_descriptors, values)) EXPECT_GT(pid, 0);
}

/// Its lifeline tells it, by a signal whose handler looks at a descriptor.
TEST_F(LowDescriptorLimit, AWorkerThatMayOpenNothingMoreEndsWithItsHost) {
  support::Pipe pipe;
  const pid_t host = ::fork();
  if (host == 0) {
    WorkerResource worker{&tell_pid_and_wait, {.method = StartMethod::fork}};
    worker.start();
    pipe.write(worker.messenger().receive_blocking<pid_t>());
    support::sleep_for_ever();
  }
  pipe.close_write_end();
  EXPECT_GT(pipe.read<pid_t>(), 0);
  ::kill(host, SIGKILL);
  EXPECT_EQ(support::end_of(host), "signal 9");
  EXPECT_EQ(pipe.read_text(), "");  // until no process has the pipe any more
}

TEST_F(LowDescriptorLimit, MoreMessengersThanItAllowsAreWaitedForTogether) {
  std::vector<std::pair<PriorityMessenger, PriorityMessenger>> pairs;
  std::vector<coproc::Messenger*> all;
  for (int i = 0; i < 12; ++i) pairs.push_back(PriorityMessenger::new_pair());
  for (auto& [a, b] : pairs) {
    all.push_back(&a);
    all.push_back(&b);
  }
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{80, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  EXPECT_EQ(coproc::wait_any(all, 10ms), std::nullopt);
  pairs[5].first.send_norequest(7);
  EXPECT_EQ(coproc::wait_any(all, 10s), 11u);
  ::setrlimit(RLIMIT_NOFILE, &before);
}
