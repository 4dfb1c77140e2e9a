#include <gtest/gtest.h>

#include <chrono>

#include "coproc/pool_insights.hpp"

using namespace std::chrono_literals;
using coproc::PoolInsights;

TEST(PoolInsights, TheTableHasALineForEachWorkerTheirSumsAndTheSlowestTasks) {
  PoolInsights insights;
  insights.workers = {{.pid = 17,
                       .starts = 1,
                       .tasks = 100,
                       .failed = 2,
                       .start_time = 1ms,
                       .work_time = 1500ms,
                       .wait_time = 500ms,
                       .peak_memory_bytes = 3 << 20},
                      {.pid = 4711,
                       .starts = 2,
                       .tasks = 50,
                       .failed = 0,
                       .start_time = 2ms,
                       .work_time = 250ms,
                       .wait_time = 1750ms,
                       .peak_memory_bytes = 5 << 20}};
  insights.slowest = {{.task = 9, .pid = 17, .time = 250ms}, {.task = 3, .pid = 4711, .time = 20ms}};
  EXPECT_EQ(insights.table(),
            "  worker  starts      tasks  failed   start s    wait s    work s    peak MiB\n"
            "      17       1        100       2     0.001     0.500     1.500         3.0\n"
            "    4711       2         50       0     0.002     1.750     0.250         5.0\n"
            "     all       3        150       2     0.003     2.250     1.750         5.0\n"
            "slowest tasks: task 9 0.250 s (worker 17), task 3 0.020 s (worker 4711)\n");
  insights.slowest.clear();
  insights.workers[1].machine = "node7";
  EXPECT_EQ(insights.table(),
            "  worker  starts      tasks  failed   start s    wait s    work s    peak MiB  machine\n"
            "      17       1        100       2     0.001     0.500     1.500         3.0\n"
            "    4711       2         50       0     0.002     1.750     0.250         5.0  node7\n"
            "     all       3        150       2     0.003     2.250     1.750         5.0\n");
}
