// coproc::Pool: tiny tasks, sleeping tasks, many tasks, and the start and stop of a pool.
#include <coproc/coproc.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "life.hpp"
#include "tasks.hpp"
#include "work.hpp"

namespace {

std::uint64_t square(std::uint64_t x) { return x * x; }
void sleep_for_a_while(int) { bench::sleep_for_task(); }

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// A range of the numbers from 0 to count.
class Count {
 public:
  struct Iterator {
    using value_type = std::uint64_t;
    using difference_type = std::ptrdiff_t;
    std::uint64_t at;
    std::uint64_t operator*() const { return at; }
    Iterator& operator++() {
      ++at;
      return *this;
    }
    bool operator==(const Iterator&) const = default;
  };
  explicit Count(std::uint64_t count) : count_(count) {}
  Iterator begin() const { return {0}; }
  Iterator end() const { return {count_}; }

 private:
  std::uint64_t count_;
};

bench::Result time_squares(const bench::Job& job, const coproc::TaskOptions& options) {
  coproc::Pool pool{{.workers = job.size}};
  return bench::time_tasks(job, [&](std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t value : pool.map_unordered(square, Count(count), options)) sum += value;
    return sum;
  });
}

/// Measures tasks per second, and the share of a processor that the host uses.
bench::Result time_sleeping_tasks(const bench::Job& job, bool wants_share) {
  coproc::Pool pool{{.workers = job.size}};
  const auto count = bench::sleeping_tasks(job);
  std::vector<int> items(count);
  for (auto& nothing : pool.map_unordered(sleep_for_a_while, std::vector<int>(job.size)))
    (void)nothing;  // every worker is ready
  const double begin = bench::now();
  const double spent = processor_seconds();
  for (auto& nothing : pool.map_unordered(sleep_for_a_while, items)) (void)nothing;
  const double seconds = bench::now() - begin;
  if (wants_share) return {.unit = "%", .value = 100 * (processor_seconds() - spent) / seconds, .messages = count};
  return {.unit = "tasks/s", .value = static_cast<double>(count) / seconds, .messages = count};
}

/// Measures how much the host's memory grows after a tenth of the tasks, at most.
bench::Result measure_memory(const bench::Job& job) {
  coproc::Pool pool{{.workers = 2}};
  double before = 0;
  double most = 0;
  std::uint64_t done = 0;
  for (std::uint64_t value : pool.map_unordered(square, Count(job.size))) {
    (void)value;
    if (++done == job.size / 10) before = resident_mib();
    if (done % 100'000 == 0) most = std::max(most, resident_mib());
  }
  bench::check(done == job.size, "results are missing");
  return {.unit = "MiB", .value = std::max(0.0, most - before), .messages = done};
}

/// Measures from the constructor until every worker is ready, or from the call of stop() until all have ended.
bench::Result time_life(const bench::Job& job) {
  return bench::median_over_time(job, [&] {
    const double begin = bench::now();
    coproc::Pool pool{{.workers = job.size}};
    const auto is_ready = [](const coproc::WorkerInsights& worker) { return worker.start_time.count() != 0; };
    for (bool are_all = false; !are_all;) {
      pool.submit([] {}).get();
      const auto insights = pool.insights();
      are_all = std::all_of(insights.workers.begin(), insights.workers.end(), is_ready);
    }
    const double started = bench::now();
    pool.stop();
    return (job.work == bench::Work::pool_start ? started - begin : bench::now() - started) * 1e6;
  });
}

bench::Result run(const bench::Job& job) {
  switch (job.work) {
    case bench::Work::tasks:
      return time_squares(job, {.chunk_size = 1});
    case bench::Work::tasks_in_chunks:
      return time_squares(job, {});
    case bench::Work::sleeping_tasks:
      return time_sleeping_tasks(job, false);
    case bench::Work::sleeping_host:
      return time_sleeping_tasks(job, true);
    case bench::Work::many_tasks:
      return measure_memory(job);
    case bench::Work::pool_start:
    case bench::Work::pool_stop:
      return time_life(job);
    default:
      throw bench::NotOffered();
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_job(argc, argv, [](const bench::Job& job) { bench::print(run(job)); });
}
