#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <system_error>

#include "os/child_for_test.hpp"
#include "os/epoll.hpp"
#include "os/error.hpp"
#include "os/event.hpp"
#include "os/file.hpp"
#include "os/poll.hpp"
#include "os/process_state.hpp"
#include "os/socket_pair.hpp"

namespace os = coproc::os;

namespace {

bool is_readable(int fd) {
  pollfd entry = {fd, POLLIN, 0};
  return os::poll_once({&entry, 1}, os::Deadline(std::chrono::nanoseconds(0))) == os::PollEnd::ready;
}

TEST(Fd, ClosesWhatItOwnsOnceAndKeepsErrno) {
  os::Fd fd = os::open_file("/dev/null", O_RDONLY);
  const int number = fd.get();
  ASSERT_GT(number, 2);
  EXPECT_TRUE(os::is_open(number));
  os::Fd moved = std::move(fd);
  EXPECT_FALSE(fd);  // NOLINT: that a moved-from Fd is empty is what is tested
  EXPECT_TRUE(os::is_open(number));
  errno = ENOTTY;
  moved.reset();
  EXPECT_EQ(errno, ENOTTY);
  EXPECT_FALSE(os::is_open(number));
}

TEST(Fd, ReleaseGivesItAway) {
  os::Fd fd = os::open_file("/dev/null", O_RDONLY);
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(os::is_open(number));
  const os::Fd again(number);
}

TEST(Fd, AssignmentClosesTheOldOne) {
  os::Fd fd = os::open_file("/dev/null", O_RDONLY);
  const int old = fd.get();
  fd = os::open_file("/dev/null", O_RDONLY);
  EXPECT_FALSE(os::is_open(old));
  EXPECT_TRUE(os::is_open(fd.get()));
}

/// The program closes a descriptor of ours, and when it opens the same file again it is given the same number.
TEST(Fd, AssignmentKeepsTheNewOneWhereTheOldOneWasClosedByTheProgram) {
  os::Fd fd = os::open_file("/dev/null", O_RDONLY);
  const int number = fd.get();
  ASSERT_EQ(::close(number), 0);
  fd = os::open_file("/dev/null", O_RDONLY);
  ASSERT_EQ(fd.get(), number);
  EXPECT_TRUE(os::is_open(number));
  ASSERT_EQ(::close(number), 0);
  fd.reset(os::open_file("/dev/null", O_RDONLY).release());
  ASSERT_EQ(fd.get(), number);
  EXPECT_TRUE(os::is_open(number));
}

TEST(Fd, NothingIsMadeAtTheNumbersOfTheStandardStreams) {
  const int code = os::testing::in_child([] {
    ::close(0);
    ::close(1);
    ::close(2);
    const os::Event event;
    const os::SocketPair sockets = os::SocketPair::create();
    const bool above = event.fd() > 2 && sockets.first.get() > 2 && sockets.second.get() > 2;
    return above && !os::is_open(0) && !os::is_open(1) && !os::is_open(2) ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

TEST(Error, NamesTheCallAndItsArguments) {
  try {
    errno = ENOENT;
    os::throw_errno("open", "/a/b", 42);
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_EQ(std::string(error.what()), std::string("open(\"/a/b\", 42): ") + std::strerror(ENOENT));
    return;
  }
  FAIL() << "nothing was thrown";
}

TEST(Event, IsReadableWhileItIsSet) {
  os::Event event;
  EXPECT_FALSE(is_readable(event.fd()));
  event.set();
  event.set();
  EXPECT_TRUE(is_readable(event.fd()));
  event.clear();
  EXPECT_FALSE(is_readable(event.fd()));
  event.clear();  // does not wait
  EXPECT_TRUE((::fcntl(event.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST(File, OnlyRegularFilesAreTriedAndNobodyIsWaitedFor) {
  EXPECT_TRUE(os::try_open_regular_file("/proc/self/exe"));
  for (const char* path : {"/no/such/file", "/dev/zero", "/proc/self", ""}) {
    EXPECT_FALSE(os::try_open_regular_file(path)) << path;
  }
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const os::Fd read_end(ends[0]);
  const os::Fd write_end(ends[1]);
  EXPECT_FALSE(os::try_open_regular_file(("/proc/self/fd/" + std::to_string(ends[0])).c_str()));
}

TEST(File, ReadsAllThatIsAskedForOrNothing) {
  const os::Fd file(::memfd_create("file", MFD_CLOEXEC));
  ASSERT_EQ(::write(file.get(), "0123456789", 10), 10);
  EXPECT_EQ(os::size_of(file), 10U);
  std::array<std::byte, 4> bytes{};
  EXPECT_TRUE(os::read_at(file, 6, bytes));
  EXPECT_EQ(std::memcmp(bytes.data(), "6789", 4), 0);
  EXPECT_FALSE(os::read_at(file, 7, bytes));
  EXPECT_FALSE(os::read_at(file, ~std::uint64_t{0}, bytes));
  EXPECT_TRUE(os::read_at(file, 7, std::span(bytes).first(3)));
  EXPECT_EQ(std::memcmp(bytes.data(), "789", 3), 0);
}

TEST(Epoll, IsReadableWhileOneOfItsDescriptorsIs) {
  os::Event event;
  os::Epoll epoll;
  epoll.add(event.fd(), EPOLLIN);
  EXPECT_FALSE(is_readable(epoll.fd()));
  event.set();
  EXPECT_TRUE(is_readable(epoll.fd()));
  epoll.remove(event.fd());
  EXPECT_FALSE(is_readable(epoll.fd()));
  EXPECT_THROW(epoll.remove(event.fd()), std::system_error);
}

TEST(SocketPair, CarriesBytesAndNoticesTheEnd) {
  os::SocketPair pair = os::SocketPair::create();
  ASSERT_TRUE(os::send_all(pair.first, "hello", 5));
  pair.first.reset();
  char text[10];
  EXPECT_EQ(os::receive_all(pair.second, text, sizeof text), 5U);
  EXPECT_EQ(std::memcmp(text, "hello", 5), 0);
  EXPECT_FALSE(os::send_all(pair.second, "x", 1));  // and no SIGPIPE
}

}  // namespace
