// No task is ever lost: added = finished + queued + with workers. Debug builds look in each round; here it is asked
// for.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pool/core.hpp"
#include "scenario/pool/pool_for_test.hpp"

using namespace pool_test;
using coproc::detail::PoolCore;
using coproc::detail::TaskPtr;
using News = coproc::detail::JobHandle::News;

namespace {

using WaitForFile = int (*)(const std::string&);

/// A map without its templates.
struct Map {
  coproc::detail::PoolHandle pool{{}, coproc::PoolOptions{.workers = 1, .window = 2}};
  PoolCore& core = *pool.core();
  std::shared_ptr<coproc::detail::Job> job = core.new_job(
      core.function_of(coproc::detail::task_code<WaitForFile, void, std::string>(&wait_for)), {}, {.is_ordered = true});

  ~Map() { core.abandon(*job); }
  void add(int count, const std::string& path) {
    std::vector<TaskPtr> tasks;
    for (int i = 0; i < count; ++i) {
      tasks.push_back(std::make_unique<coproc::detail::Call<WaitForFile, std::string>>(
          coproc::detail::shared_callable<WaitForFile>(&wait_for), path));
    }
    core.add(job, tasks);
  }
};

TEST(PoolInvariant, HoldsWhereverTheTasksAre) {
  const support::TemporaryFile go;
  Map map;
  map.add(5, go.path());
  EXPECT_EQ(map.core.broken_invariant(*map.job), "");
  std::deque<TaskPtr> results;
  while (map.core.pids().empty() || map.core.insights().workers[0].start_time.count() == 0) {
    (void)map.core.wait(*map.job, results, std::chrono::milliseconds(1));
  }
  EXPECT_EQ(map.core.pending(), 5U);  // two of them with the worker
  EXPECT_EQ(map.core.broken_invariant(*map.job), "");
  map.core.end_input(*map.job, nullptr);
  leave_mark(go.path());
  while (map.core.wait(*map.job, results, coproc::kForever) != News::finished) {
    EXPECT_EQ(map.core.broken_invariant(*map.job), "");
  }
  EXPECT_EQ(results.size(), 5U);
  EXPECT_EQ(map.core.broken_invariant(*map.job), "");
}

TEST(PoolInvariant, CatchesATaskThatIsNowhere) {
  const support::TemporaryFile go;
  Map map;
  map.add(5, go.path());
  ++map.job->added;  // as if the sixth had got lost
  EXPECT_EQ(map.core.broken_invariant(*map.job).substr(0, 42), "6 tasks were added, of which 0 are finishe");
  --map.job->added;
  EXPECT_EQ(map.core.broken_invariant(*map.job), "");
  ++map.job->finished;  // as if one had been finished twice
  EXPECT_NE(map.core.broken_invariant(*map.job), "");
  --map.job->finished;
}

#ifndef NDEBUG
TEST(PoolInvariant, EndsADebugBuildWhereATaskIsNowhere) {
  const support::TemporaryFile go;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::signal(SIGABRT, SIG_DFL);
    Map own;
    own.add(5, go.path());
    ++own.job->added;
    std::deque<TaskPtr> results;
    (void)own.core.wait(*own.job, results, std::chrono::milliseconds(1));
    ::_exit(0);
  }
  EXPECT_EQ(support::end_of(child), "signal 6");
}
#endif

}  // namespace
