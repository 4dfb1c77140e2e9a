#include "os/control_group.hpp"

#include <gtest/gtest.h>

#include "os/control_group_for_test.hpp"

namespace os = coproc::os;
using os::testing::Groups;

TEST(ControlGroup, KillsOfVersion2AreThoseOfTheOwnGroup) {
  const Groups groups;
  groups.write("/a/memory.events", "low 0\nhigh 0\nmax 9\noom 7\noom_kill 5\n");
  groups.write("/a/b/memory.events", "low 0\nhigh 0\nmax 4\noom 3\noom_kill 2\noom_group_kill 1\n");
  EXPECT_EQ(os::out_of_memory_kills_of_groups("0::/a/b\n", groups.root()), 2U);
  EXPECT_EQ(os::out_of_memory_kills_of_groups("0::/a\n", groups.root()), 5U);
}

TEST(ControlGroup, KillsOfVersion1StandInOomControl) {
  const Groups groups;
  groups.write("/memory/box/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  EXPECT_EQ(os::out_of_memory_kills_of_groups("5:memory:/box\n0::/\n", groups.root()), 3U);
  EXPECT_EQ(os::out_of_memory_kills_of_groups("5:cpu:/box\n0::/\n", groups.root()), std::nullopt);
}

TEST(ControlGroup, AContainersOwnGroupIsTheRootOfWhatIsMounted) {
  const Groups groups;
  groups.write("/memory.events", "oom_kill 1\n");
  EXPECT_EQ(os::out_of_memory_kills_of_groups("0::/docker/1f\n", groups.root()), 1U);
}

TEST(ControlGroup, WhatDoesNotSayIsNotTakenForNone) {
  const Groups groups;
  EXPECT_EQ(os::out_of_memory_kills_of_groups("0::/\n", groups.root()), std::nullopt);
  EXPECT_EQ(os::out_of_memory_kills_of_groups("", groups.root()), std::nullopt);
  groups.write("/memory.events", "what is this");
  EXPECT_EQ(os::out_of_memory_kills_of_groups("0::/\n", groups.root()), std::nullopt);
}
