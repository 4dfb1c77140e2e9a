#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <system_error>
#include <thread>

#include "os/clock.hpp"
#include "os/event.hpp"
#include "os/fault.hpp"
#include "os/pidfd.hpp"
#include "os/pipe.hpp"
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

/// The kernel then refuses ppoll, also for descriptors that are open.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Poll, HoldsWhereNoMoreDescriptorsAreAllowed) {
  os::Event event;
  os::Pipe pipe = os::Pipe::create();
  const os::Pidfd own = os::Pidfd::open(::getpid());
  const NoMoreDescriptors limit;
  pollfd entries[] = {{-1, POLLIN, 0},
                      {event.fd(), POLLIN, 0},
                      {pipe.read_end.get(), POLLIN, 0},
                      {own.fd(), POLLIN, 0},
                      {-1, POLLOUT, 0}};
  const std::int64_t start = os::now_ns();
  EXPECT_EQ(os::poll_once(entries, os::Deadline(2ms)), os::PollEnd::timed_out);
  EXPECT_GE(os::now_ns() - start, 2'000'000);
  EXPECT_FALSE(own.is_ended());

  event.set();
  EXPECT_EQ(os::poll_once(entries, os::Deadline::forever()), os::PollEnd::ready);
  EXPECT_EQ(entries[1].revents, POLLIN);
  EXPECT_EQ(entries[2].revents, 0);

  entries[4].fd = pipe.write_end.get();
  EXPECT_EQ(os::poll_once(entries, os::Deadline::forever()), os::PollEnd::ready);
  EXPECT_EQ(entries[4].revents, POLLOUT);
  EXPECT_EQ(os::write_wake(pipe.write_end), os::Wake::sent);
  EXPECT_EQ(os::poll_once(entries, os::Deadline::forever()), os::PollEnd::ready);
  EXPECT_EQ(entries[2].revents, POLLIN);
  EXPECT_EQ(os::drain_wakes(pipe.read_end), os::Drained::some);
  entries[4].fd = pipe.write_end.get();
  pipe.write_end.reset();
  EXPECT_EQ(os::poll_once(entries, os::Deadline::forever()), os::PollEnd::ready);
  EXPECT_EQ(entries[2].revents & POLLHUP, POLLHUP);
  EXPECT_EQ(entries[3].revents, 0);
  EXPECT_EQ(entries[4].revents, POLLNVAL);
}

TEST(Poll, AnErrorIsThrown) {
  os::arm_fault(1, ENOMEM);
  EXPECT_THROW(os::poll_once({}, os::Deadline(0ns)), std::system_error);
  os::disarm_fault();
}

}  // namespace
