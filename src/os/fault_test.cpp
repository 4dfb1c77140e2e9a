#include "os/fault.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <system_error>

#include "os/child_for_test.hpp"
#include "os/epoll.hpp"
#include "os/event.hpp"
#include "os/file.hpp"
#include "os/memory.hpp"
#include "os/pipe.hpp"
#include "os/socket_pair.hpp"

namespace os = coproc::os;

namespace {

TEST(Fault, FailsTheNthCallOnceAndCounts) {
  os::arm_fault(2, EMFILE);
  { const os::Event first; }
  try {
    const os::Event second;
    ADD_FAILURE() << "the second call did not fail";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EMFILE);
  }
  EXPECT_NO_THROW(os::Event());
  EXPECT_EQ(os::calls_since_armed(), 3U);
  EXPECT_EQ(os::disarm_fault(), 3U);
  { const os::Event uncounted; }
  EXPECT_EQ(os::calls_since_armed(), 3U);
}

TEST(Fault, AnInterruptedCallIsMadeAgain) {
  os::arm_fault(1, EINTR);
  EXPECT_NO_THROW((void)os::open_file("/dev/null", O_RDONLY));
  EXPECT_EQ(os::disarm_fault(), 2U);
}

TEST(Fault, WhateverCallFailsNothingLeaks) {
  const auto make_everything = [] {
    const os::Pipe pipe = os::Pipe::create();
    os::Event event;
    os::Epoll epoll;
    epoll.add(event.fd(), EPOLLIN);
    const os::SocketPair sockets = os::SocketPair::create();
    const os::SharedMemory memory = os::create_sealed_memory("test", 8192);
    const os::Mapping again = os::map_shared(memory.fd, 4096);
  };
  const std::size_t before = os::testing::count_fds();
  std::uint64_t failures = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    os::arm_fault(nth, ENOMEM);
    bool failed = false;
    try {
      make_everything();
    } catch (const std::system_error& error) {
      failed = true;
      EXPECT_EQ(error.code().value(), ENOMEM);
    }
    os::disarm_fault();
    EXPECT_EQ(os::testing::count_fds(), before) << "after call " << nth << " failed";
    if (!failed) break;
    ++failures;
  }
  EXPECT_EQ(failures, 11U);  // one for each call in make_everything()
}

}  // namespace
