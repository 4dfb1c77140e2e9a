#include "os/wake.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/child_for_test.hpp"
#include "os/pipe.hpp"
#include "os/socket_pair.hpp"

namespace os = coproc::os;
using os::Drained;
using os::SocketPair;
using os::Wake;

namespace {

TEST(Wake, CallsAreDrainedAtTheOtherEnd) {
  const SocketPair ends = SocketPair::create();
  EXPECT_EQ(os::drain_wakes(ends.second), Drained::nothing);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(os::send_wake(ends.first), Wake::sent);
  EXPECT_EQ(os::drain_wakes(ends.first), Drained::nothing);
  EXPECT_EQ(os::drain_wakes(ends.second), Drained::some);
  EXPECT_EQ(os::drain_wakes(ends.second), Drained::nothing);
  EXPECT_EQ(os::send_wake(ends.second), Wake::sent);
  EXPECT_EQ(os::drain_wakes(ends.first), Drained::some);
}

TEST(Wake, AFullSocketIsSaidToBeFull) {
  const SocketPair ends = SocketPair::create();
  int sent = 0;
  Wake last = Wake::sent;
  while (last == Wake::sent && sent < 10'000'000) {
    last = os::send_wake(ends.first);
    ++sent;
  }
  EXPECT_EQ(last, Wake::full);
  EXPECT_EQ(os::drain_wakes(ends.second), Drained::some);
  EXPECT_EQ(os::send_wake(ends.first), Wake::sent);
}

TEST(Wake, TheOtherSidesEndIsNoticed) {
  SocketPair ends = SocketPair::create();
  os::send_wake(ends.second);
  ends.second.reset();
  (void)os::drain_wakes(ends.first);
  EXPECT_EQ(os::drain_wakes(ends.first), Drained::hung_up);
}

TEST(Wake, SoItIsWhereTheOtherSideHasLeftCallsUnread) {
  SocketPair ends = SocketPair::create();
  os::send_wake(ends.first);
  ends.second.reset();
  EXPECT_EQ(os::drain_wakes(ends.first), Drained::hung_up);  // said by an error of its own
  EXPECT_EQ(os::drain_wakes(ends.first), Drained::hung_up);
}

TEST(Wake, ACallToNobodyRaisesNoSignal) {
  EXPECT_EQ(os::testing::in_child([] {
              ::signal(SIGPIPE, SIG_DFL);
              SocketPair ends = SocketPair::create();
              if (os::send_wake(ends.first) != Wake::sent) return 1;
              ends.second.reset();
              return os::send_wake(ends.first) == Wake::broken ? 0 : 2;
            }),
            0);
}

TEST(Wake, DescriptorsThatComeAreThrownAway) {
  const SocketPair ends = SocketPair::create();
  const os::Pipe carried = os::Pipe::create();
  char byte = 1;
  iovec part{&byte, 1};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = carried.read_end.get();
  std::copy_n(reinterpret_cast<const char*>(&fd), sizeof fd, reinterpret_cast<char*>(CMSG_DATA(header)));
  const auto before = os::testing::count_fds();
  ASSERT_EQ(::sendmsg(ends.first.get(), &message, 0), 1);
  EXPECT_EQ(os::drain_wakes(ends.second), Drained::some);
  EXPECT_EQ(os::testing::count_fds(), before);
}

TEST(Wake, AnEndIsALocalStreamSocket) {
  const SocketPair ends = SocketPair::create();
  EXPECT_TRUE(os::is_wake_end(ends.first));
  const os::Pipe pipe = os::Pipe::create();
  EXPECT_FALSE(os::is_wake_end(pipe.read_end));
  const os::Fd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(os::is_wake_end(datagrams));
  EXPECT_FALSE(os::is_wake_end(os::Fd()));
}

}  // namespace
