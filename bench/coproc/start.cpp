// The costs of starting (by START_METHOD), stopping, losing and replacing a worker, and of a thousand workers for their
// host.
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

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
  bench::Killer killer;
  Worker worker(&greet, {.method = kMethod});
  start_one(worker);
  return killer.time_of_death(worker.pid(), [&] {
    try {
      worker.messenger().receive_blocking<int>();
      bench::check(false, "a message of a dead worker");
    } catch (const coproc::WorkerDiedError&) {}
  });
}

/// A worker that answers with its pid. A request with this pid is held until the worker is killed.
void answer(coproc::PriorityMessenger& host) {
  for (;;) {
    const int pid = host.receive_blocking<int>();
    while (pid == getpid()) pause();
    host.send_reply(static_cast<int>(getpid()));
  }
}

using Supervised = coproc::Supervised<void (*)(coproc::PriorityMessenger&)>;

void start_and_ask(Supervised& worker) {
  worker.start();
  const coproc::RequestId id = worker.messenger().send_request(0);
  bench::check(worker.messenger().receive_reply<int>(id) == worker.pid(), "an answer of another worker");
}

/// After a pause as long as the one before a death, so that what a start needs is as cold as there.
double first_answer() {
  Supervised worker(&answer, {.method = kMethod});
  usleep(2000);
  const double begin = bench::now();
  start_and_ask(worker);
  return bench::us_since(begin);
}

/// Measures until the next worker has answered the request that was in hand at the death. Another one waits behind it.
double restart() {
  bench::Killer killer;
  Supervised worker(&answer, {.method = kMethod}, {.pending = coproc::Pending::resend});
  start_and_ask(worker);
  const int pid = worker.pid();
  const coproc::RequestId in_hand = worker.messenger().send_request(pid);
  const coproc::RequestId waiting = worker.messenger().send_request(0);
  int next = 0;
  const double time = killer.time_of_death(pid, [&] { next = worker.messenger().receive_reply<int>(in_hand); });
  bench::check(next != pid && next == worker.pid(), "the answer is not that of the next worker");
  bench::check(worker.messenger().receive_reply<int>(waiting) == next, "another one has answered what waited");
  return time;
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

bench::Result others(const bench::Job& job) {
  if (job.work == bench::Work::first_answer && job.size == 0) return bench::median_over_time(job, first_answer);
  if (job.work == bench::Work::restart && job.size == 0) return bench::median_over_time(job, restart);
  return crowd(job);
}

}  // namespace

int main(int argc, char** argv) {
  if (kMethod == StartMethod::fork_server) coproc::start_fork_server();
  return bench::run_life(argc, argv, start, stop, death, others);
}
