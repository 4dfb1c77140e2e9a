#include "coproc/restart.hpp"

#include <gtest/gtest.h>

#include <chrono>

using namespace std::chrono_literals;
using coproc::Restart;

TEST(Restart, IsDescribedInOneLine) {
  Restart restart{
      .number = 2, .status = {.end = coproc::Signalled{11}}, .pid_before = 4711, .pid = 4712, .delay = 103ms};
  EXPECT_EQ(restart.describe(),
            "restart 2: worker 4711 was killed by SIGSEGV; worker 4712 took its place after 0.103 s");
  restart.unanswered = 1;
  EXPECT_EQ(restart.describe(),
            "restart 2: worker 4711 was killed by SIGSEGV, and left 1 request unanswered; worker 4712 took its place "
            "after 0.103 s");
  restart.resent = 1;
  EXPECT_EQ(restart.describe(),
            "restart 2: worker 4711 was killed by SIGSEGV, and left 1 request unanswered, sent again; worker 4712 took "
            "its place after 0.103 s");
  restart.unanswered = 3;
  EXPECT_EQ(restart.describe(),
            "restart 2: worker 4711 was killed by SIGSEGV, and left 3 requests unanswered, 1 of them sent again; "
            "worker 4712 took its place after 0.103 s");
  restart.unanswered = restart.resent = 0;
  restart.state_bytes = 1200;
  EXPECT_EQ(restart.describe(),
            "restart 2: worker 4711 was killed by SIGSEGV; worker 4712 took its place after 0.103 s, with a state of "
            "1200 bytes");
  restart.state_bytes.reset();
  restart.state_dropped = true;
  EXPECT_EQ(restart.describe(),
            "restart 2: worker 4711 was killed by SIGSEGV; worker 4712 took its place after 0.103 s, without the state "
            "by which workers have ended");
  restart.state_dropped = false;
  restart.pid = 0;
  restart.start_error = "worker \"indexer\" has no file";
  EXPECT_EQ(restart.describe(),
            "restart 2: worker 4711 was killed by SIGSEGV; another start failed after 0.103 s: worker \"indexer\" has "
            "no file");
}
