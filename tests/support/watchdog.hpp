// Ends a test that hangs, and prints everything that tells where it hangs.
//
// Thread safety: one test program, one watchdog. It is a timer and a signal handler, not a thread: coproc refuses to
// fork from a process that has other threads.
#pragma once

#include <gtest/gtest.h>
#include <time.h>

namespace support {

/// The factor by which everything may take longer here: more than 1 under a sanitizer or valgrind.
int time_scale();

/// Gives each test 120 s, times time_scale() (or the seconds in COPROC_TEST_SECONDS). Then it prints the stacks of all
/// threads and what the kernel knows of all children, kills the children, and aborts.
class WatchdogListener : public testing::EmptyTestEventListener {
 public:
  WatchdogListener();
  WatchdogListener(const WatchdogListener&) = delete;
  WatchdogListener& operator=(const WatchdogListener&) = delete;
  ~WatchdogListener() override;

 private:
  void OnTestStart(const testing::TestInfo& test) override;
  void OnTestEnd(const testing::TestInfo& test) override;

  timer_t timer_{};
};

}  // namespace support
