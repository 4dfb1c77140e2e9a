#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <system_error>
#include <thread>

#include "os/clock.hpp"
#include "os/event.hpp"
#include "os/fault.hpp"
#include "os/poll.hpp"

namespace os = coproc::os;
using namespace std::chrono_literals;

namespace {

TEST(Deadline, ZeroAndLessHavePassed) {
  EXPECT_TRUE(os::Deadline(0ns).passed());
  EXPECT_TRUE(os::Deadline(-1s).passed());
  EXPECT_EQ(os::Deadline(-1s).remaining(), 0ns);
}

TEST(Deadline, ForEverAndNearlySo) {
  EXPECT_TRUE(os::Deadline::forever().is_forever());
  EXPECT_FALSE(os::Deadline::forever().passed());
  EXPECT_EQ(os::Deadline::forever().remaining(), std::chrono::nanoseconds::max());
  EXPECT_FALSE(os::Deadline(std::chrono::nanoseconds::max() - 1ns).passed());  // does not overflow into the past
}

TEST(Deadline, CountsDown) {
  const os::Deadline hour(1h);
  EXPECT_FALSE(hour.is_forever());
  EXPECT_FALSE(hour.passed());
  EXPECT_LE(hour.remaining(), 1h);
  const os::Deadline moment(1ns);
  while (!moment.passed()) {}
  EXPECT_EQ(moment.remaining(), 0ns);
}

TEST(Poll, TimesOutNotBeforeItsTime) {
  const os::Event event;
  pollfd entry = {event.fd(), POLLIN, 0};
  const std::int64_t start = os::now_ns();
  EXPECT_EQ(os::poll_once({&entry, 1}, os::Deadline(2ms)), os::PollEnd::timed_out);
  EXPECT_GE(os::now_ns() - start, 2'000'000);
}

TEST(Poll, IsReadyAlsoForEver) {
  os::Event event;
  event.set();
  pollfd entries[] = {{-1, POLLIN, 0}, {event.fd(), POLLIN, 0}};
  EXPECT_EQ(os::poll_once(entries, os::Deadline::forever()), os::PollEnd::ready);
  EXPECT_EQ(entries[0].revents, 0);
  EXPECT_EQ(entries[1].revents, POLLIN);
}

TEST(Poll, ASignalInterruptsIt) {
  struct sigaction action {};
  struct sigaction old {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &old), 0);
  std::atomic<bool> done{false};
  const pthread_t waiter = ::pthread_self();
  std::thread sender([&] {
    while (!done.load()) {  // until one meets it asleep
      ::pthread_kill(waiter, SIGUSR1);
      std::this_thread::yield();
    }
  });
  const os::PollEnd end = os::poll_once({}, os::Deadline::forever());
  done.store(true);
  sender.join();
  ::sigaction(SIGUSR1, &old, nullptr);
  EXPECT_EQ(end, os::PollEnd::interrupted);
}

TEST(Poll, AnErrorIsThrown) {
  os::arm_fault(1, ENOMEM);
  EXPECT_THROW(os::poll_once({}, os::Deadline(0ns)), std::system_error);
  os::disarm_fault();
}

}  // namespace
