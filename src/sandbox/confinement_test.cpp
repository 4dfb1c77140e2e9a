#include "coproc/confinement.hpp"

#include <gmock/gmock.h>

#include <chrono>

#include "os/landlock.hpp"
#include "sandbox/confine.hpp"
#include "sandbox/file_rules.hpp"
#include "sandbox/limits.hpp"
#include "sandbox/missing.hpp"

using namespace coproc;
using namespace coproc::sandbox;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

TEST(Confinement, SaysWhatIsMissingOnEachKernel) {
  const auto count = [](const Sandbox& sandbox, int abi) { return missing_of(sandbox.parts(), abi).size(); };
  for (int abi = 0; abi < 10; ++abi) {
    EXPECT_EQ(count(Sandbox::compute(), abi), 0U) << abi;
    EXPECT_EQ(count(Sandbox::files(), abi), abi < 1 ? 1U : 0U) << abi;
    EXPECT_EQ(count(Sandbox::client(), abi), abi < 1 ? 2U : abi < 4 ? 1U : 0U) << abi;
    EXPECT_EQ(count(Sandbox::files().execute("/bin"), abi), abi < 1 ? 2U : abi < 6 ? 1U : 0U) << abi;
    EXPECT_EQ(count(Sandbox::guard(), abi), abi < 1 ? 2U : abi < 6 ? 1U : 0U) << abi;
  }
  EXPECT_THAT(
      missing_of(Sandbox::guard().parts(), 2),
      ElementsAre("nothing keeps its signals from other processes of its user: that takes version 6 of Landlock "
                  "(Linux 6.12), and this kernel has version 2"));
}

TEST(Confinement, HandlesWhatEachVersionOfLandlockKnows) {
  const auto handled = [](const Sandbox& sandbox, int abi) { return handled_by(sandbox.parts(), abi); };
  EXPECT_EQ(handled(Sandbox::compute(), 0), Handled());
  EXPECT_EQ(handled(Sandbox::compute(), 1), (Handled{(1 << 13) - 1, 0, 0}));
  EXPECT_EQ(handled(Sandbox::compute(), 2), (Handled{(1 << 14) - 1, 0, 0}));
  EXPECT_EQ(handled(Sandbox::compute(), 3), (Handled{(1 << 15) - 1, 0, 0}));
  EXPECT_EQ(handled(Sandbox::files(), 4), (Handled{(1 << 15) - 1, 3, 0}));
  EXPECT_EQ(handled(Sandbox::files(), 5), (Handled{(1 << 16) - 1, 3, 0}));
  EXPECT_EQ(handled(Sandbox::client(), 9), (Handled{(1 << 16) - 1, 3, 3}));
  EXPECT_EQ(handled(Sandbox::guard(), 9), (Handled{0, 0, 3}));
  EXPECT_EQ(handled(Sandbox::guard(), 2), (Handled{os::landlock::kMakeBlockDevice, 0, 0}));
}

TEST(Confinement, DescribesAllInLines) {
  const Limits limits{.cpu_time = std::chrono::seconds(3), .open_files = 20, .priority = 5};
  const Confinement now = describe(&Sandbox::compute().parts(), limits, {.landlock_abi = 7, .filters_calls = 1});
  EXPECT_EQ(now.describe(),
            "system calls: filtered\n"
            "Landlock: version 7, but not for signals\n"
            "limit on cpu_time: 3 s (RLIMIT_CPU)\n"
            "limit on open_files: 20 (RLIMIT_NOFILE)\n"
            "limit on priority: 5 (nice)");
  const Confinement little = describe(&Sandbox::files().parts(), {}, {.filters_calls = 1});
  EXPECT_FALSE(little.is_complete());
  EXPECT_THAT(little.describe(), HasSubstr("\nnot enforced: nothing keeps it from the files of its user"));
}

}  // namespace
