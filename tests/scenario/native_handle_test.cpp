// A messenger's descriptor in other people's event loops.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
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

void sleeps_with_much_memory(PriorityMessenger& host) {
  const std::vector<char> much(std::size_t{64} << 20, 'x');
  host.send_norequest(1);
  (void)host.receive_blocking<int>();
}

bool is_readable(int handle, int timeout_ms) {
  pollfd entry{handle, POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

TEST(NativeHandle, IsNotReadableForNothingWhileAWorkerDies) {
  WorkerResource worker{sleeps_with_much_memory};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  const int handle = worker.messenger().native_handle();
  std::vector<int> none;
  EXPECT_TRUE(take_all(worker.messenger(), none));
  ::kill(worker.pid(), SIGKILL);
  int for_nothing = 0;
  for (;;) {
    ASSERT_TRUE(is_readable(handle, -1));
    if (!take_all(worker.messenger(), none)) break;
    ++for_nothing;
  }
  EXPECT_LE(for_nothing,
            1);  // once where a machine that has other things to do takes its time between two steps of an end
}

void closes_its_sockets(PriorityMessenger& host) {
  host.send_norequest(1);
  for (int fd = 3; fd < 256; ++fd) {
    struct stat status {};
    if (::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode)) ::close(fd);
  }
  for (;;) ::pause();
}

TEST(NativeHandle, TellsThatAWorkerLivesOnAndCannotBeHeard) {
  WorkerResource worker{closes_its_sockets};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  const int handle = worker.messenger().native_handle();
  try {
    std::vector<int> none;
    for (int looks = 0; looks < 100; ++looks) {
      ASSERT_TRUE(take_all(worker.messenger(), none));
      ASSERT_TRUE(is_readable(handle, -1));
    }
    FAIL() << "readable for nothing";
  } catch (const coproc::ProtocolError&) {}
  worker.kill();
}

}  // namespace
