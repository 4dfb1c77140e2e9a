// Starts that are asked for before they are awaited, as those of a pool's workers are: they keep the promises of a
// start, also if they are dropped, or if the fork server ends in between.
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "os/sanitizer.hpp"
#include "support/limit.hpp"
#include "support/process.hpp"
#include "worker/access.hpp"

using coproc::PriorityMessenger;
using coproc::StartError;
using coproc::detail::WorkerAccess;

namespace {

void answer(PriorityMessenger& host) {
  for (;;) host.send_reply(host.receive_blocking<int>() + 1);
}

using Worker = coproc::WorkerResource<void (*)(PriorityMessenger&)>;

void ask(Worker& worker) {
  WorkerAccess::ask_for_start(worker, false, [&] { worker.start(); });
}

void expect_answers(Worker& worker) {
  const auto request = worker.messenger().send_request(1);
  EXPECT_EQ(worker.messenger().receive_reply<int>(request), 2);
}

TEST(AskedStarts, SeveralAreUnderWayBeforeTheFirstIsAwaited) {
  std::vector<Worker> workers;
  for (int i = 0; i < 3; ++i) workers.emplace_back(&answer);
  for (Worker& worker : workers) {
    ask(worker);
    EXPECT_FALSE(worker.is_alive());  // not before it is awaited
  }
  for (auto worker = workers.rbegin(); worker != workers.rend(); ++worker) {
    (void)worker->await_start();
    EXPECT_TRUE(worker->is_alive());
  }
  for (Worker& worker : workers) expect_answers(worker);
}

TEST(AskedStarts, OneThatIsDroppedLeavesNothing) {
  Worker dropped(&answer);
  ask(dropped);
  Worker again(&answer);
  ask(again);
  again.start();  // drops the one that was asked for
  expect_answers(again);
}

TEST(AskedStarts, AFailureNamesItsStage) {
  Worker worker(&answer, {.name = "indexer", .working_directory = "/no/such/directory"});
  try {
    ask(worker);
    (void)worker.await_start();
    ADD_FAILURE() << "it started";
  } catch (const StartError& error) {
    EXPECT_EQ(error.stage(), "working_directory");
    EXPECT_NE(std::string(error.what()).find("indexer"), std::string::npos) << error.what();
  }
}

TEST(AskedStarts, GoOnIfTheForkServerIsStoppedMeanwhile) {
  Worker first(&answer), second(&answer);
  ask(first);
  ask(second);
  coproc::stop_fork_server();
  (void)first.await_start();
  (void)second.await_start();
  expect_answers(first);
  expect_answers(second);
}

TEST(AskedStarts, GoOnIfTheForkServerIsKilledBeforeItHasMadeThem) {
  coproc::start_fork_server();
  const pid_t server = support::fork_server_of(::getpid());
  ASSERT_GT(server, 0);
  ::kill(server, SIGSTOP);
  while (support::state_of(server) != 'T') std::this_thread::yield();
  const coproc::WorkerOptions by_server{.method = coproc::StartMethod::fork_server};  // and not by `spawn` instead
  Worker first(&answer, by_server), second(&answer, by_server);
  ask(first);
  ask(second);
  ::kill(server, SIGKILL);
  (void)first.await_start();
  (void)second.await_start();
  expect_answers(first);
  expect_answers(second);
}

/// The starts of a pool's workers overlap, and must not need more descriptors because of that.
TEST(AskedStarts, APoolNeedsNoMoreDescriptorsThanOneStartAfterTheOther) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << "UBSan's check of objects opens a descriptor";
  constexpr std::size_t kWorkers = 8;
  const auto is_enough = [](rlim_t most, auto start) {
    const support::Limit limit(RLIMIT_NOFILE, most);
    try {
      start();
      return true;
    } catch (const StartError&) {
      return false;
    }
  };
  const auto one_by_one = [] {
    std::vector<std::unique_ptr<Worker>> workers;
    for (std::size_t i = 0; i < kWorkers; ++i) {
      workers.push_back(std::make_unique<Worker>(&answer));
      workers.back()->start();
    }
  };
  rlim_t least = 40;
  while (!is_enough(least, one_by_one)) ++least;
  EXPECT_GT(least, 40u);
  EXPECT_TRUE(is_enough(least, [] {
    coproc::Pool pool{{.workers = kWorkers}};
    pool.submit([] {}).get();
  }));
}

}  // namespace
