#include "os/own_control_group.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

#include "os/control_group_for_test.hpp"

namespace coproc::inline v0::os {

namespace {

using testing::Groups;

}  // namespace

TEST(OwnControlGroup, IsMadeAndRemoved) {
  const Groups groups;
  {
    const OwnControlGroup group(groups.root(), "mine");
    EXPECT_EQ(group.path(), groups.root() + "/mine");
    EXPECT_TRUE(std::filesystem::is_directory(group.path()));
    EXPECT_THROW(OwnControlGroup(groups.root(), "mine"), std::system_error);
  }
  EXPECT_FALSE(std::filesystem::exists(groups.root() + "/mine"));
  EXPECT_THROW(OwnControlGroup("/nowhere", "mine"), std::system_error);
}

TEST(OwnControlGroup, ItsLimitsAreThoseOfEitherVersion) {
  const Groups groups;
  const OwnControlGroup group(groups.root(), "mine");
  EXPECT_FALSE(group.limit_memory(1000));
  EXPECT_FALSE(group.limit_processes(10));
  groups.write("/mine/memory.limit_in_bytes", "");
  EXPECT_TRUE(group.limit_memory(1000));
  EXPECT_EQ(groups.read("/mine/memory.limit_in_bytes"), "1000");
  groups.write("/mine/memory.max", "");
  groups.write("/mine/memory.oom.group", "");
  groups.write("/mine/pids.max", "");
  EXPECT_TRUE(group.limit_memory(2000));
  EXPECT_EQ(groups.read("/mine/memory.max"), "2000");
  EXPECT_EQ(groups.read("/mine/memory.oom.group"), "1");
  EXPECT_EQ(groups.read("/mine/memory.limit_in_bytes"), "1000");
  EXPECT_TRUE(group.limit_processes(10));
  EXPECT_EQ(groups.read("/mine/pids.max"), "10");
}

TEST(OwnControlGroup, SaysWhetherItsMemoryWasTheReason) {
  using Killed = OwnControlGroup::Killed;
  const Groups groups;
  const OwnControlGroup group(groups.root(), "mine");
  EXPECT_EQ(group.was_killed(), Killed::no);
  groups.write("/mine/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
  EXPECT_EQ(group.was_killed(), Killed::no);
  groups.write("/mine/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  EXPECT_EQ(group.was_killed(), Killed::perhaps);
  groups.write("/mine/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\n");
  EXPECT_EQ(group.was_killed(), Killed::yes);
  groups.write("/mine/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n");
  EXPECT_EQ(group.was_killed(), Killed::no) << "it was the memory of a group around it";
}

TEST(OwnControlGroup, OneThatIsNotEmptyIsRemovedLater) {
  const Groups groups;
  {
    const OwnControlGroup group(groups.root(), "mine");
    groups.write("/mine/child/cgroup.procs", "");
    EXPECT_TRUE(std::filesystem::exists(groups.root() + "/mine"));
  }
  EXPECT_TRUE(std::filesystem::exists(groups.root() + "/mine"));
  std::filesystem::remove_all(groups.root() + "/mine/child");
  { const OwnControlGroup other(groups.root(), "other"); }
  EXPECT_FALSE(std::filesystem::exists(groups.root() + "/mine"));
}

TEST(OwnControlGroup, IsEnteredByWritingTheNumberOfOneself) {
  const Groups groups;
  EXPECT_THROW(enter_control_group(groups.root()), std::system_error);
  groups.write("/cgroup.procs", "");
  enter_control_group(groups.root());
  EXPECT_EQ(groups.read("/cgroup.procs"), "0");
}

}  // namespace coproc::inline v0::os
