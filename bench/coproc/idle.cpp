// The processor time that an idle host and its worker use: milliseconds per second, of the one that uses more.
#include <coproc/coproc.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "work.hpp"

namespace {

/// The processor time of a whole process so far, in milliseconds. It is exact, unlike the 10 ms ticks of
/// /proc/PID/stat.
double processor_time(int pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    bench::throw_errno("clock_getcpuclockid");
  }
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

void answer(coproc::PriorityMessenger& host, bench::Job job) {
  bench::pin_to(job.peer_processor);
  while (true) host.send_reply(host.receive_blocking<int>());
}

/// Measures while the host spends its time in `pass`.
template <class Pass>
double measure(const bench::Job& job, Pass pass) {
  coproc::WorkerResource worker{answer};
  worker.start(job);
  auto& link = worker.messenger();
  for (int i = 0; i < 1000; ++i) {  // both sides were busy before, so they spin as busy sides do
    link.send_request(i);
    bench::check(link.receive_blocking<int>() == i, "an answer is not its request");
  }
  const double host_before = processor_time(getpid()), worker_before = processor_time(worker.pid());
  const double begin = bench::now();
  pass(link, std::chrono::duration<double>(job.seconds / 2));
  const double seconds = bench::now() - begin;
  return std::max(processor_time(getpid()) - host_before, processor_time(worker.pid()) - worker_before) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_job(argc, argv, [](const bench::Job& job) {
    if (job.work != bench::Work::idle || job.size != 0) throw bench::NotOffered();
    const double in_receive = measure(job, [](auto& link, auto time) {
      bench::check(!link.template receive_for<int>(time), "a message that nobody sent");
    });
    const double elsewhere = measure(job, [](auto&, auto time) { std::this_thread::sleep_for(time); });
    bench::print({.unit = "ms/s", .value = std::max(in_receive, elsewhere), .messages = 2000});
  });
}
