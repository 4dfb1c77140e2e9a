#include "os/control_group.hpp"

#include <gtest/gtest.h>

#include "os/control_group_for_test.hpp"

namespace os = coproc::os;
using os::testing::Groups;

namespace {

std::optional<std::uint64_t> kills(const std::string& membership, const Groups& groups) {
  const auto found = os::out_of_memory_kills_of_groups(membership, groups.root());
  return found ? std::optional(found->count) : std::nullopt;
}

}  // namespace

TEST(ControlGroup, KillsOfVersion2AreThoseOfTheOwnGroup) {
  const Groups groups;
  groups.write("/a/memory.events", "low 0\nhigh 0\nmax 9\noom 7\noom_kill 5\n");
  groups.write("/a/b/memory.events", "low 0\nhigh 0\nmax 4\noom 3\noom_kill 2\noom_group_kill 1\n");
  EXPECT_EQ(kills("0::/a/b\n", groups), 2U);
  EXPECT_EQ(kills("0::/a\n", groups), 5U);
}

TEST(ControlGroup, KillsOfVersion1StandInOomControl) {
  const Groups groups;
  groups.write("/memory/box/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  EXPECT_EQ(kills("5:memory:/box\n0::/\n", groups), 3U);
  EXPECT_EQ(kills("5:cpu:/box\n0::/\n", groups), std::nullopt);
}

TEST(ControlGroup, AContainersOwnGroupIsTheRootOfWhatIsMounted) {
  const Groups groups;
  groups.write("/memory.events", "oom_kill 1\n");
  EXPECT_EQ(kills("0::/docker/1f\n", groups), 1U);
}

TEST(ControlGroup, WhatDoesNotSayIsNotTakenForNone) {
  const Groups groups;
  EXPECT_EQ(kills("0::/\n", groups), std::nullopt);
  EXPECT_EQ(kills("", groups), std::nullopt);
  groups.write("/memory.events", "what is this");
  EXPECT_EQ(kills("0::/\n", groups), std::nullopt);
}

TEST(ControlGroup, MoreKillsAreSeenWhereTheyWereCountedBefore) {
  const Groups groups;
  groups.write("/a/memory.events", "oom 2\noom_kill 2\n");
  const auto before = os::out_of_memory_kills_of_groups("0::/a\n", groups.root());
  ASSERT_TRUE(before);
  EXPECT_FALSE(before->are_more_now());
  groups.write("/a/memory.events", "oom 3\noom_kill 3\n");
  EXPECT_TRUE(before->are_more_now());
  groups.write("/a/memory.events", "");
  EXPECT_FALSE(before->are_more_now());
}

TEST(ControlGroup, ACounterIsTheNumberBehindTheWholeWord) {
  EXPECT_EQ(os::counter_in("oom_kill_disable 1\noom_kill 20\n", "oom_kill"), 20U);
  EXPECT_EQ(os::counter_in("oom_kill 7", "oom_kill"), 7U);
  EXPECT_EQ(os::counter_in("oom 7\noom_kill", "oom_kill"), std::nullopt);
  EXPECT_EQ(os::counter_in("oom_kill many\n", "oom_kill"), std::nullopt);
  EXPECT_EQ(os::counter_in("", "oom_kill"), std::nullopt);
}
