#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "os/child_for_test.hpp"
#include "os/clock.hpp"
#include "os/poll.hpp"
#include "os/thread_event.hpp"

namespace os = coproc::os;
using os::testing::count_fds;
using os::testing::in_child;
using namespace std::chrono_literals;

namespace {

bool is_set(const os::Event& event) {
  pollfd fd = {event.fd(), POLLIN, 0};
  return os::poll_once({&fd, 1}, os::Deadline(0s)) == os::PollEnd::ready;
}

TEST(ThreadEvent, EachThreadHasOneAndItsDescriptorGoesWithIt) {
  const os::ThreadEventUser user;
  os::Event* const own = os::thread_event();
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(os::thread_event(), own);
  const auto before = count_fds();
  for (int round = 0; round < 3; ++round) {
    std::set<os::Event*> events{own};
    std::barrier all_have(5);
    std::vector<std::thread> threads;
    std::vector<os::Event*> found(4);
    for (auto& event : found) {
      threads.emplace_back([&] {
        event = os::thread_event();
        all_have.arrive_and_wait();
        all_have.arrive_and_wait();
      });
    }
    all_have.arrive_and_wait();
    EXPECT_EQ(count_fds(), before + 4);
    all_have.arrive_and_wait();
    for (auto& thread : threads) thread.join();
    events.insert(found.begin(), found.end());
    EXPECT_EQ(events.size(), 5u);
    EXPECT_EQ(count_fds(), before);
    for (os::Event* const event : found)
      event->set();  // by a thread that looked before this one ended: it has no effect
  }
}

TEST(ThreadEvent, AllAreClosedWithTheirLastUser) {
  std::barrier both(2);
  const auto before = count_fds();
  auto user = std::make_unique<os::ThreadEventUser>();
  std::thread thread([&] {
    os::Event* const event = os::thread_event();
    both.arrive_and_wait();
    both.arrive_and_wait();  // the user has gone, and another one has come
    EXPECT_EQ(os::thread_event(), event);
    event->set();
    EXPECT_TRUE(is_set(*event));
  });
  (void)os::thread_event();
  both.arrive_and_wait();
  EXPECT_EQ(count_fds(), before + 2);
  {
    const os::ThreadEventUser other;
    user.reset();
    EXPECT_EQ(count_fds(), before + 2);
  }
  EXPECT_EQ(count_fds(), before);
  user = std::make_unique<os::ThreadEventUser>();
  both.arrive_and_wait();
  thread.join();
  user.reset();
  EXPECT_EQ(count_fds(), before);
}

TEST(ThreadEvent, AForkHasItsOwn) {
  const os::ThreadEventUser user;
  os::Event* const own = os::thread_event();
  EXPECT_EQ(in_child([&] {
              const bool was_closed = own->fd() < 0;
              os::Event* const again = os::thread_event();
              again->set();
              return was_closed && again == own && is_set(*own) ? 0 : 1;
            }),
            0);
  EXPECT_FALSE(is_set(*own));
}

TEST(ThreadEvent, MayBeSetWhileItsThreadEnds) {
  const os::ThreadEventUser user;
  std::atomic<os::Event*> event{nullptr};
  std::atomic<bool> is_over{false};
  std::thread setter([&] {
    while (!is_over.load()) {
      if (os::Event* const found = event.load()) found->set();
    }
  });
  // The next descriptor gets the number that was just closed, and must not be written to.
  int mine[2];
  for (int i = 0; i < 2000; ++i) {
    std::thread([&] { event.store(os::thread_event()); }).join();
    ASSERT_EQ(::pipe(mine), 0);
    char byte;
    ::close(mine[1]);
    ASSERT_EQ(::read(mine[0], &byte, 1), 0);
    ::close(mine[0]);
  }
  is_over.store(true);
  setter.join();
}

}  // namespace
