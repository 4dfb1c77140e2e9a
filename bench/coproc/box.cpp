// By how much the start of a worker is longer if it is put into a box.
#include <coproc/coproc.hpp>

#include "life.hpp"

namespace {

using coproc::PriorityMessenger;
using Worker = coproc::WorkerResource<void (*)(PriorityMessenger&)>;

void greet(PriorityMessenger& host) {
  host.send_norequest(1);
  host.receive_blocking<int>();  // throws when it is asked to close
}

/// Measures until the first message from the worker.
double time_of_start(const coproc::WorkerOptions& options) {
  Worker worker(&greet, options);
  const double begin = bench::now();
  worker.start();
  bench::check(worker.messenger().receive_blocking<int>() == 1, "the first message is another one");
  const double time = bench::us_since(begin);
  worker.kill();
  worker.join();
  return time;
}

/// One after the other, so that both have the same machine.
double difference() {
  const double alone = time_of_start({});
  return time_of_start({.sandbox = coproc::Sandbox::compute()}) - alone;
}

}  // namespace

int main(int argc, char** argv) {
  coproc::start_fork_server();
  return bench::run_job(argc, argv, [](const bench::Job& job) {
    if (job.work != bench::Work::boxed_start || job.size != 0) throw bench::NotOffered();
    bench::print(bench::median_over_time(job, difference));
  });
}
