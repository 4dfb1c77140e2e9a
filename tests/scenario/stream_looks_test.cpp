// Looks at the books of streams while another thread waits for the end of the worker, which takes in what it sends.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <thread>

using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

constexpr int kParts = 100;

void answer_one_stream(PriorityMessenger& host) {
  const coproc::Message request = host.receive_blocking();
  for (int i = 0; i < kParts; ++i) host.reply_part_to(request, i);
  host.end_reply_to(request);
}

}  // namespace

TEST(StreamLooks, QueuedCountsWhatTheJoinOfAnotherThreadTakesIn) {
  WorkerResource worker{&answer_one_stream};
  worker.start();
  auto stream = worker.messenger().stream<int>(0);
  std::thread joins([&] { worker.join(); });
  while (stream.queued() != kParts + 1) std::this_thread::yield();
  joins.join();
  for (int i = 0; i < kParts; ++i) EXPECT_EQ(stream.next(), i);
  EXPECT_EQ(stream.next(), std::nullopt);
}
