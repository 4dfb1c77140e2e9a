// Supervised workers behind two agents, which do not tell what they have in hand.
#include <gtest/gtest.h>
#include <unistd.h>

#include <coproc/supervised.hpp>

#include <chrono>
#include <csignal>
#include <vector>

#include "machines/here.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::RequestAttemptsError;
using coproc::RequestId;

namespace {

/// Answers numbers by ten times as much, and dies of 2.
void tenfold_but_two(PriorityMessenger& host) {
  for (;;) {
    const int value = host.receive_blocking<int>();
    if (value == 2) ::kill(::getpid(), SIGKILL);
    host.send_reply(value * 10);
  }
}

}  // namespace

TEST(MachineSupervised, AllThatIsUnansweredCountsAsInHand) {
  coproc::RestartOptions restarts{.most = 100, .backoff = {.then = 0s}};
  restarts.pending = coproc::Pending::resend;
  coproc::Supervised worker{&tenfold_but_two, {.name = "tenfold", .machine = machines::here()}, restarts};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  std::vector<RequestId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(messenger.send_request(i));
  EXPECT_EQ(messenger.receive_reply<int>(ids[0]), 0);
  EXPECT_EQ(messenger.receive_reply<int>(ids[1]), 10);
  for (int i = 2; i < 5; ++i)
    EXPECT_THROW((void)messenger.receive_reply<int>(ids[static_cast<std::size_t>(i)]), RequestAttemptsError) << i;
  EXPECT_EQ(worker.history().size(), 2U);
  EXPECT_EQ(messenger.receive_reply<int>(messenger.send_request(7)), 70);

  const RequestId innocent = messenger.send_request(8);  // one end alone makes nothing fail
  worker.kill();
  EXPECT_EQ(messenger.receive_reply<int>(innocent), 80);
}
