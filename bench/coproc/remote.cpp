// A worker on another machine, which is this one behind the launcher `env`: by PLACE over the launcher's pipes, over
// TLS, or, to compare with, here by a link without any machine.
#include <coproc/coproc.hpp>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "coproc/end.hpp"
#include "coproc/greeter.hpp"
#include "life.hpp"
#include "remote.hpp"

namespace {

using bench::Job;
using bench::Work;
using coproc::PriorityMessenger;

constexpr std::string_view kPlace = PLACE;

coproc::WorkerOptions options() {
  coproc::WorkerOptions options;
  if (kPlace == "here") return options;
  coproc::Launcher launcher = coproc::command({"env"});
  launcher.connects_back = kPlace == "tls";
  options.machine = coproc::Machine(std::move(launcher), {.agent = COPROC_AGENT});
  return options;
}

void serve(PriorityMessenger& host, Job job) {
  bench::MessengerEnd<PriorityMessenger, 64> end(host, job, false);
  bench::run_peer(job, end);
}

void exchange(const Job& job) {
  coproc::WorkerResource worker{&serve, options()};
  worker.start(job);
  bench::MessengerEnd<PriorityMessenger, 64> end(worker.messenger(), job, true);
  const bench::Result result = bench::run_host(job, end);
  bench::check(worker.join().code() == 0, "the worker failed");
  bench::print(result);
}

void add_up(PriorityMessenger& host) {
  for (;;) host.send_reply(bench::sum_of(host.receive_blocking<bench::Large>()));
}

void send_large(const Job& job) {
  coproc::WorkerResource worker{&add_up, options()};
  worker.start();
  auto& link = worker.messenger();
  bench::print(bench::time_large(
      job, [&](const bench::Large& values) { link.send_request(values); },
      [&] { return link.receive_blocking<std::uint64_t>(); }));
}

double time_of_true() {
  char env[] = "env", program[] = "true";
  char* const arguments[] = {env, program, nullptr};
  const double begin = bench::now();
  pid_t pid = -1;
  bench::check(posix_spawnp(&pid, env, nullptr, nullptr, arguments, environ) == 0, "env could not be executed");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {}
  bench::check(status == 0, "env true failed");
  return bench::us_since(begin);
}

/// By how much the time to the first message is longer than what the launcher takes for `true`.
void start(const Job& job) {
  bench::print(bench::median_over_time(job, [] {
    const double of_true = kPlace == "here" ? 0 : time_of_true();
    return bench::time_of_start(options()) - of_true;
  }));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_job(argc, argv, [](const Job& job) {
    if (job.work == Work::remote_lent) return send_large(job);
    if (job.work == Work::remote_start && job.size == 0) return start(job);
    const bool is_exchange = job.work == Work::remote_round_trip || job.work == Work::remote_stream;
    if (!is_exchange || job.size != 64) throw bench::NotOffered();
    exchange(job);
  });
}
