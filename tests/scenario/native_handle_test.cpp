// A messenger's descriptor in other people's event loops.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ASIO_STANDALONE
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <coproc/coproc.hpp>
#include <functional>
#include <vector>

using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void count_up(PriorityMessenger& host, int to) {
  for (int i = 0; i < to; ++i) host.send_norequest(i);
}

/// Takes all that has come; false when the worker has ended and everything was received.
bool take_all(PriorityMessenger& messenger, std::vector<int>& received) {
  try {
    for (const int value : messenger.receive_available<int>()) received.push_back(value);
    while (auto value = messenger.receive_for<int>(std::chrono::seconds(0))) received.push_back(*value);
    return true;
  } catch (const coproc::WorkerDiedError&) {
    return false;
  }
}

std::vector<int> numbers_to(int end) {
  std::vector<int> all;
  for (int i = 0; i < end; ++i) all.push_back(i);
  return all;
}

TEST(NativeHandle, WorksInAPlainEpollLoop) {
  constexpr int kMessages = 20000;
  WorkerResource worker{count_up};
  worker.start(kMessages);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {}};
  ASSERT_EQ(::epoll_ctl(epoll, EPOLL_CTL_ADD, worker.messenger().native_handle(), &event), 0);
  std::vector<int> received;
  do {
    ASSERT_EQ(::epoll_wait(epoll, &event, 1, -1), 1);
  } while (take_all(worker.messenger(), received));
  EXPECT_EQ(received, numbers_to(kMessages));
  ::close(epoll);
}

TEST(NativeHandle, WorksInAnAsioLoop) {
  constexpr int kMessages = 20000;
  WorkerResource worker{count_up};
  worker.start(kMessages);
  asio::io_context loop;
  asio::posix::stream_descriptor descriptor(loop, worker.messenger().native_handle());
  std::vector<int> received;
  std::function<void(std::error_code)> on_readable = [&](std::error_code error) {
    ASSERT_FALSE(error);
    if (take_all(worker.messenger(), received)) {
      descriptor.async_wait(asio::posix::stream_descriptor::wait_read, on_readable);
    }
  };
  descriptor.async_wait(asio::posix::stream_descriptor::wait_read, on_readable);
  loop.run();
  (void)descriptor.release();  // it stays the messenger's
  EXPECT_EQ(received, numbers_to(kMessages));
}

}  // namespace
