#include "coproc/thread_stack.hpp"

#include <gtest/gtest.h>

namespace coproc {
namespace {

TEST(OneProcessThreadStack, IsDescribedInLines) {
  const ThreadStack waits{.id = 12,
                          .name = "loader",
                          .state = "sleeping",
                          .system_call = "futex",
                          .stack = {"#0 wait() + 0x1 (a+0x2)", "#1 main + 0x3 (a+0x4)"}};
  EXPECT_EQ(waits.describe(),
            "thread 12 (loader), sleeping, in the system call futex:\n"
            "  #0 wait() + 0x1 (a+0x2)\n"
            "  #1 main + 0x3 (a+0x4)");
}

TEST(OneProcessThreadStack, SaysWhyItIsEmpty) {
  const ThreadStack silent{.id = 12, .state = "stopped", .note = "it is stopped"};
  EXPECT_EQ(silent.describe(), "thread 12, stopped: it is stopped");
}

}  // namespace
}  // namespace coproc
