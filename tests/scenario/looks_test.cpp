// Looks: calls that wait for nothing see the end of the peer all the same, and waits keep their times.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <coproc/coproc.hpp>

#include <array>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using coproc::Messenger;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void say_one(PriorityMessenger& host) {
  host.send_norequest(1);
  host.receive_blocking();
}

/// Until it has ended, which the library is not told.
void wait_until_dead(int pid) {
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
}

struct Looks : ::testing::Test {
  WorkerResource<void (*)(PriorityMessenger&)> worker{&say_one, {.method = coproc::StartMethod::fork}};
  PriorityMessenger& messenger = worker.messenger();

  void kill_unseen() {
    worker.start();
    while (messenger.available() == 0) std::this_thread::yield();
    ::kill(worker.pid(), SIGKILL);
    wait_until_dead(worker.pid());
  }
};

}  // namespace

TEST_F(Looks, AvailableTellsADeathOnceNothingIsLeft) {
  kill_unseen();
  EXPECT_EQ(messenger.available(), 1u);
  EXPECT_EQ(messenger.receive_blocking<int>(), 1);
  EXPECT_THROW((void)messenger.available(), coproc::WorkerDiedError);
  EXPECT_THROW((void)messenger.available("another channel"), coproc::WorkerDiedError);
  EXPECT_THROW((void)messenger.receive_for<int>(0s), coproc::WorkerDiedError);
  EXPECT_EQ(messenger.available(), 0u);  // that much is known by now
}

TEST_F(Looks, AReceiveOfNoLengthTellsADeath) {
  kill_unseen();
  EXPECT_EQ(messenger.receive_for<int>(0s), 1);
  EXPECT_THROW((void)messenger.receive_for<int>(0s), coproc::WorkerDiedError);
}

TEST_F(Looks, AWaitOfNoLengthForSeveralSeesADeath) {
  kill_unseen();
  auto [a, b] = PriorityMessenger::new_pair();
  std::array<Messenger*, 2> both{&a, &messenger};
  EXPECT_EQ(coproc::wait_any(both, 0s), 1u);
  (void)messenger.receive_blocking<int>();
  EXPECT_EQ(coproc::wait_any(both, 0s), 1u);
  EXPECT_THROW((void)messenger.receive_for<int>(0s), coproc::WorkerDiedError);
}

TEST_F(Looks, AWaitOfNoLengthForSeveralSeesAnInterrupt) {
  auto [a, b] = PriorityMessenger::new_pair();
  std::array<Messenger*, 1> one{&a};
  a.interrupt();
  EXPECT_THROW((void)coproc::wait_any(one, 0s), coproc::InterruptedError);
  EXPECT_EQ(coproc::wait_any(one, 0s), std::nullopt);
}

TEST(LooksOfAPair, SeeThatTheOtherEndIsClosed) {
  auto [a, b] = PriorityMessenger::new_pair();
  b.send_norequest(5);
  { const PriorityMessenger closed = std::move(b); }
  EXPECT_EQ(a.available(), 1u);
  EXPECT_EQ(a.receive_blocking<int>(), 5);
  EXPECT_THROW((void)a.available(), coproc::PeerClosedError);
}

TEST(LooksOfAPair, ASpinEndsWithTheTimeOfItsWait) {
  auto [a, b] = PriorityMessenger::new_pair({.spin = coproc::kForever});
  EXPECT_EQ(a.receive_for<int>(1ms), std::nullopt);
  std::array<Messenger*, 1> one{&a};
  EXPECT_EQ(coproc::wait_any(one, 1ms), std::nullopt);
  while (a.try_send(std::string(1000, 'x'))) {}
  EXPECT_THROW(a.send_norequest(std::string(1000, 'x'), {}, {.timeout = 1ms}), coproc::TimeoutError);
}
