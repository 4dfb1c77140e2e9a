// What is refused before anything is started: combinations that make no sense, and forks that were not asked for.
#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>

#include "boxed/boxed_worker.hpp"

using coproc::InvalidArgumentError;
using coproc::PriorityMessenger;
using coproc::Sandbox;
using ::testing::HasSubstr;

namespace {

TEST(BoxedRefusals, AForkIsNotMadeUnlessItIsAskedForByName) {
  int variable = 1;
  auto target = [&variable](PriorityMessenger& host) { host.send_norequest(variable); };
  coproc::WorkerResource automatic{target, {.name = "copy", .sandbox = Sandbox::compute()}};
  try {
    automatic.start();
    FAIL() << "it was forked";
  } catch (const InvalidArgumentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("memory"));
    EXPECT_THAT(error.what(), HasSubstr("StartMethod::fork"));
  }
  coproc::WorkerResource named{target,
                               {.method = coproc::StartMethod::fork, .name = "copy", .sandbox = Sandbox::compute()}};
  named.start();
  EXPECT_EQ(named.messenger().receive_blocking<int>(), 1);
}

TEST(BoxedRefusals, AProcessWithThreadsDoesNotConfineItself) {
  EXPECT_THAT(support::in_host([] {
                std::atomic<bool> goes_on{true};
                std::thread other([&] {
                  while (goes_on) std::this_thread::yield();
                });
                std::string text;
                try {
                  text = coproc::this_worker::confine(Sandbox::compute()).describe();
                } catch (const InvalidArgumentError& error) {
                  text = error.what();
                }
                goes_on = false;
                other.join();
                return text;
              }),
              HasSubstr("has more than one thread, and the others would stay outside"));
}

TEST(BoxedRefusals, LimitsFromInsideNeedNoBox) {
  EXPECT_EQ(support::in_host([] {
              const std::string text = coproc::this_worker::confine({.open_files = 100, .priority = 3}).describe();
              return text + "\nnice value: " + std::to_string(::nice(0));
            }),
            "system calls: all\nLandlock: none\nlimit on open_files: 100 (RLIMIT_NOFILE)\nlimit on priority: 3 (nice)\n"
            "nice value: 3");
}

TEST(BoxedRefusals, ABoxFromInsideThatCannotBeIsASandboxError) {
  EXPECT_THAT(support::in_host([] {
                try {
                  return coproc::this_worker::confine(Sandbox::files().read("/nowhere/at/all")).describe();
                } catch (const coproc::SandboxError& error) {
                  return std::string(error.what());
                }
              }),
              HasSubstr("/nowhere/at/all"));
}

}  // namespace
