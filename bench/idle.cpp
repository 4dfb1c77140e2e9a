// How much processor time a host and a worker use that have nothing to do, in milliseconds a second.
#include <coproc/coproc.hpp>

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "harness.hpp"
#include "peer.hpp"

namespace {

/// Processor time of a whole process so far, in milliseconds; exact, where /proc/PID/stat has ticks of 10 ms.
double processor_time(int pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
    bench::throw_errno("clock_getcpuclockid");
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

void wait_for_work(coproc::PriorityMessenger& host) {
  while (true) host.send_reply(host.receive_blocking<int>());
}

/// Prints what both sides use while the host spends its time in `pass`.
template <class Pass>
bool measure(const char* name, Pass pass) {
  constexpr std::chrono::seconds kTime(5);
  coproc::WorkerResource worker{wait_for_work};
  worker.start();
  auto& link = worker.messenger();
  for (int i = 0; i < 1000; ++i) {  // both sides have been busy, and spin as busy sides do
    link.send_request(i);
    bench::check(link.receive_blocking<int>() == i, "an answer is not its request");
  }
  const double host_before = processor_time(getpid()), worker_before = processor_time(worker.pid());
  const double start = bench::now();
  pass(link, kTime);
  const double seconds = bench::now() - start;
  const double host = (processor_time(getpid()) - host_before) / seconds;
  const double idle_worker = (processor_time(worker.pid()) - worker_before) / seconds;
  const bool is_met = host < 1 && idle_worker < 1;
  std::printf("  %-34s host %.4f ms/s, worker %.4f ms/s, mark below 1 each: %s\n", name, host, idle_worker,
              is_met ? "met" : "MISSED");
  std::fflush(stdout);
  return is_met;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_main(argc, argv, [](const bench::Options&) {
    std::printf("processor time while idle, milliseconds a second\n");
    measure("host waits in a receive", [](auto& link, auto time) {
      bench::check(!link.template receive_for<int>(time), "a message that nobody sent");
    });
    measure("host does something else", [](auto&, auto time) { std::this_thread::sleep_for(time); });
  });
}
