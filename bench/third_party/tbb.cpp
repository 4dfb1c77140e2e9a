// TBB's task_group, with SIZE threads of this process and one task for each number.
#include <tbb/global_control.h>
#include <tbb/task_group.h>

#include <cstdint>
#include <vector>

#include "tasks.hpp"

int main(int argc, char** argv) {
  return bench::run_job(argc, argv, [](const bench::Job& job) {
    if (job.work != bench::Work::tasks) throw bench::NotOffered();
    const tbb::global_control threads(tbb::global_control::max_allowed_parallelism, job.size);
    std::vector<std::uint64_t> results;
    bench::print(bench::time_tasks(job, [&](std::uint64_t count) {
      results.assign(count, 0);
      tbb::task_group group;
      for (std::uint64_t i = 0; i < count; ++i) {
        group.run([&results, i] { results[i] = i * i; });
      }
      group.wait();
      std::uint64_t sum = 0;
      for (const std::uint64_t value : results) sum += value;
      return sum;
    }));
  });
}
