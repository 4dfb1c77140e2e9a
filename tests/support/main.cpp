// The main of the test programs: GoogleTest's, with a watchdog and a check that every test cleans up after itself.
#include <gmock/gmock.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "support/hygiene.hpp"
#include "support/watchdog.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  // The thread sanitizer starts a thread of its own with the program's first one. It must run before threads are
  // counted.
  pid_t first = 0;
  std::thread([&] { first = ::gettid(); }).join();
  // The kernel lists a thread for a moment after it was joined.
  while (::access(("/proc/self/task/" + std::to_string(first)).c_str(), F_OK) == 0) std::this_thread::yield();
  // GoogleTest owns the listeners. The watchdog is added first, so that it also ends a hang of the hygiene check.
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  listeners.Append(new support::WatchdogListener);
  listeners.Append(new support::HygieneListener);
  return RUN_ALL_TESTS();
}
