// Where a worker crashed, told by its host, whatever way it was started.
#include <gmock/gmock.h>
#include <signal.h>

#include <coproc/coproc.hpp>

#include <cstdlib>
#include <string>

#include "programs.hpp"

using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::WorkerResource;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace {

// By SIGABRT: the other signals of a crash are the sanitizers' where these are.
[[gnu::noinline]] void where_the_worker_gives_up() { std::abort(); }

void crash(PriorityMessenger& host) {
  host.send_norequest(1);
  where_the_worker_gives_up();
}

class Crash : public ::testing::TestWithParam<StartMethod> {};

TEST_P(Crash, SaysWhereItWas) {
  WorkerResource worker{&crash, {.method = GetParam(), .name = "indexer"}};
  for (int start = 0; start < 2; ++start) {
    worker.start();
    EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
    try {
      worker.messenger().receive_blocking<int>();
      FAIL() << "it lives";
    } catch (const coproc::WorkerDiedError& error) {
      EXPECT_EQ(error.exit_status().signal(), SIGABRT);
      EXPECT_THAT(error.exit_status().stack, Contains(HasSubstr("where_the_worker_gives_up")));
      EXPECT_THAT(error.exit_status().stack.back(), HasSubstr("crash("));  // nothing that only led to the target
      EXPECT_THAT(error.exit_status().report(), HasSubstr("where_the_worker_gives_up"));
    }
    EXPECT_THAT(worker.exit_status()->stack, Contains(HasSubstr("where_the_worker_gives_up")));
  }
}

TEST_P(Crash, SaysNothingWhereThatIsNotWanted) {
  WorkerResource worker{&crash, {.method = GetParam(), .report_crashes = false}};
  worker.start();
  const auto status = worker.join();
  EXPECT_EQ(status.signal(), SIGABRT);
  EXPECT_THAT(status.stack, IsEmpty());
}

std::string name_of(const ::testing::TestParamInfo<StartMethod>& method) {
  return method.param == StartMethod::fork ? "fork" : method.param == StartMethod::spawn ? "spawn" : "fork_server";
}

INSTANTIATE_TEST_SUITE_P(, Crash, ::testing::Values(StartMethod::fork_server, StartMethod::fork, StartMethod::spawn),
                         name_of);

TEST(CrashOfAnExecutable, SaysWhereItWas) {
  WorkerResource worker{coproc::Executable{EXECUTABLE_WORKER, {"crashes"}}};
  worker.start();
  const auto status = worker.join();
  EXPECT_EQ(status.signal(), SIGABRT);
  EXPECT_THAT(status.stack, Contains(HasSubstr("where_the_program_gives_up")));
}

}  // namespace
