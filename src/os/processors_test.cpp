#include "os/processors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "os/control_group_for_test.hpp"

namespace os = coproc::os;
using os::testing::Groups;

TEST(Processors, AreThoseOfTheAffinityMask) {
  const std::vector<int> all = os::list_allowed_processors();
  ASSERT_FALSE(all.empty());
  std::vector<int> in_thread;
  std::thread([&] {
    os::pin_to(all.back());
    in_thread = os::list_allowed_processors();
  }).join();
  EXPECT_EQ(in_thread, std::vector{all.back()});
  EXPECT_EQ(os::list_allowed_processors(), all);
}

TEST(Processors, AGroupOfVersion2GrantsTheLeastOfItsOwnAndItsParents) {
  const Groups groups;
  groups.write("/a/cpu.max", "150000 100000\n");
  groups.write("/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(os::processors_of_groups("0::/a/b\n", groups.root()), 2U);
  groups.write("/a/b/cpu.max", "20000 100000\n");
  EXPECT_EQ(os::processors_of_groups("0::/a/b\n", groups.root()), 1U);
  EXPECT_EQ(os::processors_of_groups("0::/elsewhere\n", groups.root()), 0U);
}

TEST(Processors, AContainersOwnGroupIsTheRootOfWhatIsMounted) {
  const Groups groups;
  groups.write("/cpu.max", "300000 100000\n");
  EXPECT_EQ(os::processors_of_groups("0::/docker/1f\n", groups.root()), 3U);
}

TEST(Processors, AGroupOfVersion1IsKnownByItsController) {
  const Groups groups;
  groups.write("/cpu,cpuacct/box/cpu.cfs_quota_us", "250000\n");
  groups.write("/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(os::processors_of_groups("5:memory:/box\n4:cpu,cpuacct:/box\n", groups.root()), 3U);
  EXPECT_EQ(os::processors_of_groups("5:memory:/box\n3:cpuset:/box\n", groups.root()), 0U);
  groups.write("/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(os::processors_of_groups("4:cpu,cpuacct:/box\n", groups.root()), 0U);
}

TEST(Processors, WhatIsNoGroupGrantsEverything) {
  const Groups groups;
  groups.write("/cpu.max", "what is this\n");
  EXPECT_EQ(os::processors_of_groups("0::/\n", groups.root()), 0U);
  EXPECT_EQ(os::processors_of_groups("nonsense\n\n::\n", groups.root()), 0U);
  EXPECT_GE(os::usable_processors(), 1U);
  EXPECT_LE(os::usable_processors(), os::list_allowed_processors().size());
}
