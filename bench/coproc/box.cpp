// By how much the start of a worker is longer if it is put into a box.
#include <coproc/coproc.hpp>

#include "coproc/greeter.hpp"
#include "life.hpp"

namespace {

/// One after the other, so that both have the same machine.
double difference() {
  const double alone = bench::time_of_start({});
  return bench::time_of_start({.sandbox = coproc::Sandbox::compute()}) - alone;
}

}  // namespace

int main(int argc, char** argv) {
  coproc::start_fork_server();
  return bench::run_job(argc, argv, [](const bench::Job& job) {
    if (job.work != bench::Work::boxed_start || job.size != 0) throw bench::NotOffered();
    bench::print(bench::median_over_time(job, difference));
  });
}
