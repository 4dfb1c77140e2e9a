// What starting, stopping and losing a worker costs, beside what a program would do by hand; and what a thousand cost.
#include <coproc/coproc.hpp>

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "bare_ring.hpp"
#include "harness.hpp"
#include "peer.hpp"

namespace {

using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::WorkerResource;

constexpr int kInTrial = 25;

/// The median of `kInTrial` measurements, in microseconds.
template <class Measure>
double median_of(Measure measure) {
  std::vector<double> times;
  for (int i = 0; i < kInTrial; ++i) times.push_back(measure());
  return bench::summarise(times).median;
}

double us_since(double start) { return (bench::now() - start) * 1e6; }

void greet(PriorityMessenger& host) {
  host.send_norequest(1);
  host.receive_blocking<int>();  // throws when it is asked to close
}

// ---- start ----

double start_by_hand() {
  int pipe[2];
  if (::pipe(pipe) != 0) bench::throw_errno("pipe");
  const double start = bench::now();
  const pid_t pid = ::fork();
  if (pid < 0) bench::throw_errno("fork");
  if (pid == 0) {
    char byte = 1;
    ::_exit(::write(pipe[1], &byte, 1) == 1 ? 0 : 1);
  }
  char byte = 0;
  bench::check(::read(pipe[0], &byte, 1) == 1, "the child says nothing");
  const double time = us_since(start);
  ::close(pipe[0]);
  ::close(pipe[1]);
  ::waitpid(pid, nullptr, 0);
  return time;
}

double start_worker(StartMethod method) {
  WorkerResource worker{&greet, {.method = method}};
  const double start = bench::now();
  worker.start();
  bench::check(worker.messenger().receive_blocking<int>() == 1, "the first message");
  const double time = us_since(start);
  worker.kill();
  worker.join();
  return time;
}

/// Memory that has been written to: what makes a fork of this process slow.
class TouchedMemory {
 public:
  explicit TouchedMemory(std::size_t bytes)
      : bytes_(bytes), memory_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) bench::throw_errno("mmap");
    ::madvise(memory_, bytes_, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < bytes_; at += 4096) static_cast<char*>(memory_)[at] = 1;
  }
  TouchedMemory(const TouchedMemory&) = delete;
  TouchedMemory& operator=(const TouchedMemory&) = delete;
  ~TouchedMemory() { ::munmap(memory_, bytes_); }

 private:
  std::size_t bytes_;
  void* memory_;
};

double start_from_large(StartMethod method) {
  const TouchedMemory memory(std::size_t{1} << 30);
  return median_of([&] { return start_worker(method); });
}
double start_by_hand_from_large() {
  const TouchedMemory memory(std::size_t{1} << 30);
  return median_of(start_by_hand);
}

// ---- stop ----

/// Fork, close the child's pipe, wait for its end.
double stop_by_hand() {
  int pipe[2];
  if (::pipe(pipe) != 0) bench::throw_errno("pipe");
  const double start = bench::now();
  const pid_t pid = ::fork();
  if (pid < 0) bench::throw_errno("fork");
  if (pid == 0) {
    ::close(pipe[1]);
    char byte = 0;
    ::_exit(::read(pipe[0], &byte, 1) == 0 ? 0 : 1);
  }
  ::close(pipe[1]);
  ::waitpid(pid, nullptr, 0);
  const double time = us_since(start);
  ::close(pipe[0]);
  return time;
}

double stop_worker() {
  WorkerResource worker{&greet};
  worker.start();
  bench::check(worker.messenger().receive_blocking<int>() == 1, "the first message");
  ::usleep(300);  // idle: it sleeps in its receive by now
  const double start = bench::now();
  bench::check(worker.stop().code() == 0, "a clean end");
  return us_since(start);
}

// ---- death ----

/// From the moment at which a third process kills `pid` to the moment at which `notice` returns.
template <class Notice>
double time_of_death(int pid, Notice notice) {
  bench::Shared<double> moment;
  *moment = 0;
  bench::Peer killer(bench::processors().back(), [&] {
    ::usleep(2000);  // the host sleeps by now
    *moment = bench::now();
    ::kill(pid, SIGKILL);
  });
  notice();
  const double time = us_since(*moment);
  killer.finish();
  return time;
}

double notice_by_hand() {
  const pid_t pid = ::fork();
  if (pid < 0) bench::throw_errno("fork");
  if (pid == 0) {
    for (;;) ::pause();
  }
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) bench::throw_errno("pidfd_open");
  const double time = time_of_death(pid, [&] {
    pollfd entry = {pidfd, POLLIN, 0};
    ::poll(&entry, 1, -1);
  });
  ::close(pidfd);
  ::waitpid(pid, nullptr, 0);
  return time;
}

double notice_worker() {
  WorkerResource worker{&greet};
  worker.start();
  bench::check(worker.messenger().receive_blocking<int>() == 1, "the first message");
  return time_of_death(worker.pid(), [&] {
    try {
      worker.messenger().receive_blocking<int>();
      bench::check(false, "a message of a dead worker");
    } catch (const coproc::WorkerDiedError&) {}
  });
}

// ---- a thousand ----

std::size_t count_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

double pss_kib(int pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("Pss:")) return std::stod(line.substr(4));
  }
  throw std::runtime_error("no Pss in /proc/PID/smaps_rollup");
}

void measure_many(std::size_t count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  coproc::start_fork_server();
  using Worker = WorkerResource<void (*)(PriorityMessenger&)>;
  std::vector<std::unique_ptr<Worker>> workers;
  workers.reserve(count);
  const std::size_t descriptors = count_descriptors();
  const double memory = pss_kib(::getpid());
  for (std::size_t i = 0; i < count; ++i) {
    workers.push_back(std::make_unique<Worker>(&greet));
    workers.back()->start();
    bench::check(workers.back()->messenger().receive_blocking<int>() == 1, "the first message");
  }
  const auto n = static_cast<double>(count);
  const double descriptors_each = static_cast<double>(count_descriptors() - descriptors) / n;
  const double memory_each = (pss_kib(::getpid()) - memory) / n;
  double memory_of_workers = 0;
  for (const auto& worker : workers) memory_of_workers += pss_kib(worker->pid());
  for (const auto& worker : workers) worker->kill();
  std::printf("%zu live workers, each idle after one message\n", count);
  std::printf("  descriptors of the host, each: %.2f, mark at most 6: %s\n", descriptors_each,
              descriptors_each <= 6 ? "met" : "MISSED");
  std::printf("  memory of the host (PSS), each: %.1f KiB, mark at most 300: %s\n", memory_each,
              memory_each <= 300 ? "met" : "MISSED");
  std::printf("  memory of a worker (PSS): %.1f KiB\n", memory_of_workers / n);
}

void run_on(const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors) CPU_SET(static_cast<unsigned>(processor), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) bench::throw_errno("sched_setaffinity");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<int> usable = bench::processors();
  return bench::run_main(argc, argv, [&](bench::Options options) {
    run_on(usable);
    options.one_processor = true;  // what is measured runs wherever the system likes: no placement to be probed
    if (options.rounds > 9) options.rounds = 9;
    coproc::start_fork_server();

    bench::Comparison start("start to the first message", "us", options);
    start.add("fork by hand", [] { return median_of(start_by_hand); });
    start.add("fork", [] { return median_of([] { return start_worker(StartMethod::fork); }); });
    start.add("fork_server", [] { return median_of([] { return start_worker(StartMethod::fork_server); }); });
    start.add("spawn", [] { return median_of([] { return start_worker(StartMethod::spawn); }); });
    start.add("fork by hand, 1 GiB touched", start_by_hand_from_large);
    start.add("fork_server, 1 GiB touched", [] { return start_from_large(StartMethod::fork_server); });
    start.compare("fork_server", "fork by hand", 2);
    start.compare("fork_server", "fork");
    start.compare("spawn", "fork by hand");
    start.compare("fork_server, 1 GiB touched", "fork_server", 1.2);
    start.compare("fork by hand, 1 GiB touched", "fork by hand");
    start.run();

    bench::Comparison stop("stop", "us", options);
    stop.add("fork, close and wait by hand", [] { return median_of(stop_by_hand); });
    stop.add("stop() of an idle worker", [] { return median_of(stop_worker); });
    stop.compare("stop() of an idle worker", "fork, close and wait by hand", 2);
    stop.run();

    bench::Comparison death("a death noticed by a blocked host", "us", options);
    death.add("poll of a pidfd", [] { return median_of(notice_by_hand); });
    death.add("receive_blocking", [] { return median_of(notice_worker); });
    death.compare("receive_blocking", "poll of a pidfd", 2);
    death.run();

    measure_many(1000);
  });
}
