// What happens on kernels that have less: a start that cannot have what was asked for fails and says what is missing,
// or starts all the same and says so.
#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "boxed/boxed_worker.hpp"
#include "os/fault.hpp"
#include "os/landlock.hpp"
#include "support/seccomp.hpp"

using boxed::BoxedWorker;
using coproc::Sandbox;
using coproc::StartError;
using coproc::StartMethod;
using support::refuse_calls;
using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

/// "started", or the stage of the StartError and its text.
std::string start(StartMethod method, const Sandbox& sandbox) {
  BoxedWorker worker(method, sandbox);
  try {
    worker.start();
  } catch (const StartError& error) {
    return error.stage() + ": " + error.what();
  }
  const std::string text = worker.ask("echo started");
  return text + (worker->stop().success() ? "" : " and ended badly");
}

class Kernels : public boxed::ByEveryMethod {};
INSTANTIATE_TEST_SUITE_P(By, Kernels, boxed::every_method(), boxed::name_of_method);

TEST_P(Kernels, WithoutLandlockOnlyComputeIsWhole) {
  const std::string text = support::in_host([] {
    refuse_calls({{SYS_landlock_create_ruleset, ENOSYS}});
    std::string all;
    for (const Sandbox& each : {Sandbox::compute(), Sandbox::files(), Sandbox::guard(), Sandbox::client()}) {
      all += start(GetParam(), each) + "|";
    }
    return all;
  });
  EXPECT_THAT(text, testing::StartsWith("started|sandbox: "));
  EXPECT_THAT(text, AllOf(HasSubstr("nothing keeps it from the files of its user"), HasSubstr("Linux 5.13"),
                          HasSubstr("nothing keeps its signals from other processes"), HasSubstr("Linux 6.12"),
                          HasSubstr("it may connect to any port"), HasSubstr("Linux 6.7"), HasSubstr("best_effort()")));
}

TEST_P(Kernels, ABestEffortStartsAndSaysWhatIsMissing) {
  const std::string text = support::in_host([] {
    refuse_calls({{SYS_landlock_create_ruleset, ENOSYS}});
    BoxedWorker worker(GetParam(), Sandbox::files().best_effort());
    worker.start();
    const coproc::Confinement now = worker->confinement();
    return worker.ask("try fork") + (now.is_complete() ? " complete" : " ") + now.describe();
  });
  EXPECT_THAT(text,
              testing::StartsWith("EPERM system calls: filtered\nLandlock: none\nnot enforced: nothing keeps it"));
}

TEST_P(Kernels, WithoutFiltersNothingStarts) {
  EXPECT_THAT(support::in_host([] {
                refuse_calls({{SYS_seccomp, EINVAL}});
                return start(GetParam(), Sandbox::compute().best_effort());
              }),
              AllOf(testing::StartsWith("sandbox: "), HasSubstr("\"boxed\" could not be started"),
                    HasSubstr("cannot be filtered"), HasSubstr("Invalid argument")));
}

TEST_P(Kernels, TheConfinementSaysWhatHolds) {
  const int abi = coproc::os::landlock_abi();
  BoxedWorker worker(
      GetParam(), coproc::WorkerOptions{.name = "told", .sandbox = Sandbox::compute(), .limits = {.open_files = 64}});
  EXPECT_THROW((void)worker->confinement(), coproc::NoLinkError);
  worker.start();
  for (int i = 0; i < 2; ++i) {
    const coproc::Confinement now = worker->confinement();
    EXPECT_TRUE(now.filters_calls);
    EXPECT_EQ(now.landlock_abi, abi);
    EXPECT_EQ(now.scopes_signals, abi >= 6);
    EXPECT_THAT(now.limits, testing::ElementsAre("open_files: 64 (RLIMIT_NOFILE)"));
    EXPECT_TRUE(now.is_complete());
    worker->stop();
  }
  BoxedWorker free(GetParam(), coproc::WorkerOptions{.name = "free"});
  free.start();
  EXPECT_EQ(free->confinement().describe(), "system calls: all\nLandlock: none");
}

/// Each version of Landlock, as far as this kernel goes. Only a fork can be shown an older one.
TEST(KernelsOfAnyAge, EachBoxStartsFromTheVersionOnThatItNeeds) {
  const int newest = coproc::os::landlock_abi();
  const auto least_of = [&](const Sandbox& sandbox) {
    return support::in_host([&] {
      std::string started;
      for (int abi = 0; abi <= newest; ++abi) {
        coproc::os::limit_landlock_abi(abi);
        if (start(StartMethod::fork, sandbox) == "started") started += std::to_string(abi);
      }
      return started;
    });
  };
  const std::string all = std::string("0123456789").substr(0, static_cast<std::size_t>(newest) + 1);
  const auto from = [&](std::size_t least) { return all.substr(std::min(least, all.size())); };
  EXPECT_EQ(least_of(Sandbox::compute()), all);
  EXPECT_EQ(least_of(Sandbox::files().read("/etc").write("/tmp")), from(1));
  EXPECT_EQ(least_of(Sandbox::client().connect({80})), from(4));
  EXPECT_EQ(least_of(Sandbox::guard()), from(6));
  EXPECT_EQ(least_of(Sandbox::files().system()), from(6));
  EXPECT_EQ(least_of(Sandbox::guard().best_effort()), all);
}

/// Fails each of the system calls of a start: a worker that starts all the same is in its box.
TEST(KernelsThatFail, NoWorkerStartsOutsideOfItsBox) {
  constexpr std::uint64_t kMoreThanAllCalls = 120;
  int refusals = 0, starts = 0;
  for (std::uint64_t nth = 1; nth <= kMoreThanAllCalls; ++nth) {
    BoxedWorker worker(StartMethod::fork, Sandbox::files().read("/usr"));
    coproc::os::arm_fault(nth, ENOSPC);
    try {
      worker.start();
      coproc::os::disarm_fault();
      ++starts;
      EXPECT_EQ(worker.ask("try open /etc/passwd"), "EACCES") << nth;
      EXPECT_EQ(worker.ask("try fork"), "EPERM") << nth;
    } catch (const StartError& error) {
      coproc::os::disarm_fault();
      refusals += error.stage() == "sandbox" ? 1 : 0;
    } catch (const coproc::Error&) {
      coproc::os::disarm_fault();  // a call that fails later on, in the worker
    }
  }
  EXPECT_GE(refusals, 8);  // the limit on core dumps, no new rights, rules and the filter
  EXPECT_GE(starts, 20);
}

TEST(KernelsOfAnyAge, FilesAreKeptByEachVersion) {
  const int newest = coproc::os::landlock_abi();
  if (newest < 1) GTEST_SKIP() << "this kernel has no Landlock";
  for (int abi = 1; abi <= newest; ++abi) {
    EXPECT_EQ(support::in_host([&] {
                coproc::os::limit_landlock_abi(abi);
                BoxedWorker worker(StartMethod::fork, Sandbox::files().read("/usr"));
                worker.start();
                return std::to_string(worker->confinement().landlock_abi) + " " +
                       worker.ask_each({"try list /usr", "try open /etc/passwd", "try truncate_for_reading /etc/passwd",
                                        "try create /tmp/no", "try kill " + std::to_string(::getpid())});
              }),
              std::to_string(abi) + " works EACCES EACCES EACCES EPERM");
  }
}

TEST(KernelsOfAnyAge, AGuardOfAnOlderKernelAtLeastKeepsItFromTracing) {
  if (coproc::os::landlock_abi() < 1) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(
      support::in_host([&] {
        coproc::os::limit_landlock_abi(1);
        BoxedWorker worker(StartMethod::fork, Sandbox::guard().best_effort());
        worker.start();
        const std::string host = " " + std::to_string(::getpid());
        return worker.ask_each({"try ptrace" + host, "try vm_read" + host, "try prlimit" + host, "try open /etc/passwd",
                                "try create /tmp/coproc-guard", "try remove /tmp/coproc-guard"});
      }),
      "EPERM EPERM EPERM works works works");
}

}  // namespace
