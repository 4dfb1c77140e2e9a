// What a request's id names, over the ends of workers and the floods of others.
#include <gtest/gtest.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void tenfold(PriorityMessenger& host) {
  while (true) {
    const int value = host.receive_blocking<int>();
    if (value == 13) ::_exit(3);
    host.send_reply(value * 10);
  }
}

/// Answers, but for the one that floods its host with replies that nobody has asked for.
void answer_or_flood(PriorityMessenger& host, bool floods) {
  while (floods) host.send_reply(0);
  while (true) host.send_reply(host.receive_blocking<int>() * 10);
}

/// A worker that ends at once does not wait for messages, so that its host can put more into the link unawares.
void leave_or_answer(PriorityMessenger& host, bool leaves) {
  if (leaves) ::_exit(0);
  tenfold(host);
}

}  // namespace

TEST(RequestIds, GoOnWhereAWorkerIsStartedAgain) {
  WorkerResource worker{&tenfold};
  std::set<std::uint64_t> seen;
  for (int run = 0; run < 3; ++run) {
    worker.start();
    const auto ids = worker.messenger().send_request_multiple({1, 2, 3});
    for (const auto id : ids) EXPECT_TRUE(seen.insert(static_cast<std::uint64_t>(id)).second) << "it was used before";
    EXPECT_EQ(worker.messenger().receive_reply<int>(ids[1]), 20);
    worker.stop();
  }
}

TEST(RequestIds, OfAnEarlierRunNameNothingInTheNext) {
  WorkerResource worker{&tenfold};
  worker.start();
  worker.messenger().send_request(13);
  const auto old = worker.messenger().send_request(2);
  worker.join();
  worker.start();
  const auto ids = worker.messenger().send_request_multiple({100, 200});
  EXPECT_THROW((void)worker.messenger().receive_reply<int>(old), coproc::NoRequestError);
  EXPECT_EQ(worker.messenger().receive_reply<int>(ids[1]), 2000);
  EXPECT_EQ(worker.messenger().receive_reply<int>(ids[0]), 1000);
}

TEST(RequestIds, OfRequestsThatWereSentWhileTheNextWorkerStartedNameNothingInIt) {
  WorkerResource worker{&leave_or_answer};
  worker.start(true);
  while (worker.is_alive()) std::this_thread::yield();
  worker.start_async(false);
  const auto old = worker.messenger().send_request(1);
  worker.await_start();
  const auto id = worker.messenger().send_request(2);
  EXPECT_NE(old, id);
  EXPECT_THROW((void)worker.messenger().receive_reply<int>(old), coproc::NoRequestError);
  EXPECT_EQ(worker.messenger().receive_reply<int>(id), 20);
}

TEST(RequestIds, RepliesThatNobodyAskedForHoldUpNoOtherWorker) {
  coproc::WorkerResourcePool workers(2, &answer_or_flood, {.link = {.max_queued_bytes = 1 << 20}});
  workers[0].start(true);
  workers[1].start(false);
  int answers = 0;
  try {
    // Both are asked; the one that floods will never answer.
    for (const int answer : workers.map_messages<int>(std::vector<int>{1, 2, 3, 4, 5, 6})) {
      EXPECT_EQ(answer % 10, 0);
      if (++answers == 3) workers[0].messenger().interrupt();
    }
    FAIL() << "the flooding worker has answered";
  } catch (const coproc::InterruptedError&) {}
  EXPECT_EQ(answers, 3);
  workers[0].kill();
  workers[1].kill();
}
