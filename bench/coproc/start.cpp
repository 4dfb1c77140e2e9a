// The costs of starting (by START_METHOD), stopping and losing a worker, and of a thousand workers for their host.
#include <coproc/coproc.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "coproc/greeter.hpp"
#include "life.hpp"

namespace {

using bench::greet;
using bench::start_one;
using coproc::StartMethod;
using Worker = bench::Greeter;

constexpr StartMethod kMethod = StartMethod::START_METHOD;

double start() { return bench::time_of_start({.method = kMethod}); }

double stop() {
  Worker worker(&greet, {.method = kMethod});
  start_one(worker);
  usleep(300);  // by now the worker sleeps in its receive
  const double begin = bench::now();
  bench::check(worker.stop().code() == 0, "not a clean end");
  return bench::us_since(begin);
}

/// Measures until a blocked receive throws the worker's death.
double death() {
  Worker worker(&greet, {.method = kMethod});
  start_one(worker);
  return bench::time_of_death(worker.pid(), [&] {
    try {
      worker.messenger().receive_blocking<int>();
      bench::check(false, "a message of a dead worker");
    } catch (const coproc::WorkerDiedError&) {}
  });
}

double count_descriptors() {
  return static_cast<double>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
}

/// The host's proportional share of memory, in KiB.
double own_memory() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("Pss:")) return std::stod(line.substr(4));
  }
  throw std::runtime_error("no Pss in /proc/self/smaps_rollup");
}

/// The memory of the host for each of SIZE live workers, which are idle after one message.
bench::Result crowd(const bench::Job& job) {
  const bool are_descriptors = job.work == bench::Work::crowd_descriptors;
  if (kMethod != StartMethod::fork_server || !(are_descriptors || job.work == bench::Work::crowd_memory) ||
      job.size == 0) {
    throw bench::NotOffered();
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);

  const auto used = [&] { return are_descriptors ? count_descriptors() : own_memory(); };
  std::vector<std::unique_ptr<Worker>> workers;
  workers.reserve(job.size);
  const double before = used();
  for (std::size_t i = 0; i < job.size; ++i) {
    workers.push_back(std::make_unique<Worker>(&greet));
    start_one(*workers.back());
  }
  const double each = (used() - before) / static_cast<double>(job.size);
  for (const auto& worker : workers) worker->kill();
  return {.unit = are_descriptors ? "descriptors" : "KiB", .value = each, .messages = job.size};
}

}  // namespace

int main(int argc, char** argv) {
  if (kMethod == StartMethod::fork_server) coproc::start_fork_server();
  return bench::run_life(argc, argv, start, stop, death, crowd);
}
