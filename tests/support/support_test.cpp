// Checks that the checks of all tests can fail.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

#include "os/fault.hpp"
#include "support/fault.hpp"
#include "support/hygiene.hpp"
#include "support/watchdog.hpp"

namespace support {
namespace {

using testing::HasSubstr;

std::string difference(const Holdings& before) { return Holdings::now().difference_from(before); }

TEST(Hygiene, FindsNothingWhereNothingHappened) {
  const Holdings before = Holdings::now();
  EXPECT_EQ(difference(before), "");
}

TEST(Hygiene, SeesADescriptorLeftOpenClosedOrReplaced) {
  const Holdings before = Holdings::now();
  const int first = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_THAT(difference(before), HasSubstr("left behind: descriptor " + std::to_string(first) + " /dev/null"));

  const Holdings with_first = Holdings::now();
  const int second = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  ::dup3(second, first, O_CLOEXEC);
  ::close(second);
  EXPECT_THAT(difference(with_first), HasSubstr("from /dev/null to /dev/zero"));
  ::close(first);
  EXPECT_THAT(difference(with_first), HasSubstr("gone: descriptor " + std::to_string(first)));
  EXPECT_EQ(difference(before), "");
}

TEST(Hygiene, SeesAChildUntilItIsReaped) {
  const Holdings before = Holdings::now();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t ended{};
  ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
  EXPECT_THAT(difference(before), HasSubstr("left behind: child process " + std::to_string(child)));
  ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED);
  EXPECT_EQ(difference(before), "");
}

TEST(Hygiene, SeesAThreadUntilItIsJoined) {
  const Holdings before = Holdings::now();
  std::atomic<bool> may_end{false};
  std::thread thread([&] { may_end.wait(false); });
  EXPECT_THAT(difference(before), HasSubstr("left behind: thread "));
  may_end = true;
  may_end.notify_one();
  thread.join();
  EXPECT_EQ(lasting_difference(before), "");
}

TEST(Hygiene, SeesSignalsBlockedIgnoredAndHandled) {
  const Holdings before = Holdings::now();
  sigset_t usr1;
  sigset_t old;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, &old);
  EXPECT_THAT(difference(before), HasSubstr("changed: signals SigBlk:"));
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);

  ::signal(SIGUSR1, SIG_IGN);
  EXPECT_THAT(difference(before), HasSubstr("changed: signals SigIgn:"));
  ::signal(SIGUSR1, [](int) {});
  EXPECT_THAT(difference(before), HasSubstr("changed: signals SigCgt:"));
  ::signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(difference(before), "");
}

TEST(Hygiene, SeesMappingsOfMemoryFiles) {
  const Holdings before = Holdings::now();
  const int fd = ::memfd_create("left", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, 4096), 0);
  void* mapping = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  EXPECT_THAT(difference(before), HasSubstr("left behind: mappings of /memfd:left (deleted) 1"));
  ::munmap(mapping, 4096);
  EXPECT_EQ(difference(before), "");
}

TEST(Hygiene, SeesNamesInSharedMemory) {
  std::string directory = std::filesystem::temp_directory_path() / "hygiene.XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const Holdings before = Holdings::now(directory.c_str());
  std::ofstream(directory + "/left").close();
  EXPECT_THAT(Holdings::now(directory.c_str()).difference_from(before), HasSubstr(directory + "/left"));
  std::filesystem::remove_all(directory);
}

TEST(FailEachSystemCall, ReachesEveryCallOnce) {
  int times = 0;
  const auto failed = fail_each_system_call(EIO, [&] {
    ++times;
    for (int i = 0; i < 3; ++i) {
      if (coproc::os::should_fail()) throw std::system_error(errno, std::generic_category(), "made to fail");
    }
  });
  EXPECT_EQ(failed, 3U);
  EXPECT_EQ(times, 4);
}

TEST(WatchdogDeathTest, EndsATestThatHangsWithItsNameAndStacks) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a new process, which has its own watchdog
  EXPECT_EXIT(
      {
        // The watchdog of this process, and not the one of the program's start, whose timer a fork would not inherit.
        ::setenv("COPROC_TEST_SECONDS", "1", 1);
        WatchdogListener watchdog;
        testing::TestEventListener& listener = watchdog;
        listener.OnTestStart(*testing::UnitTest::GetInstance()->current_test_info());
        for (;;) ::pause();
      },
      testing::KilledBySignal(SIGABRT), "hangs.*(\n.*)*thread [0-9]+(\n.*)*");
}

}  // namespace
}  // namespace support
