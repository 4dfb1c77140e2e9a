#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "bench_works.hpp"
#include "coproc/coproc.hpp"
#include "os/pipe.hpp"
#include "shared.hpp"

namespace command {

namespace {

namespace os = coproc::os;
using bench::now, bench::Peer, bench::Shared;

coproc::WorkerOptions named() {
  coproc::WorkerOptions options;
  options.name = "bench";
  return options;
}

// ---- starts and ends ----

void greet(coproc::PriorityMessenger& host) {
  host.send_norequest(1);
  (void)host.receive_blocking<int>();
}
using Greeter = coproc::WorkerResource<decltype(&greet)>;

double median_of(double scale, const std::function<double()>& measure) {
  std::vector<double> times(static_cast<std::size_t>(std::max(3.0, 11 * scale)));
  for (double& time : times) time = measure();
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

/// A child by hand that runs `body` and ends.
template <class Body>
pid_t fork_child(const Body& body) {
  const pid_t pid = ::fork();
  if (pid < 0) bench::throw_errno("fork");
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  body();
  ::_exit(0);
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
}

class Start final : public BenchWork {
 public:
  Start() {
    about.name = "start, to the first message";
    about.unit = "us";
    about.bare_name = "a fork by hand and a byte through a pipe";
    about.published = {3.52, 2.91, 3.84};
  }
  double by_coproc(double scale) override {
    return median_of(scale, [] {
      Greeter worker(&greet, named());
      const double begin = now();
      worker.start();
      check(worker.messenger().receive_blocking<int>() == 1);
      return (now() - begin) * 1e6;
    });
  }
  double by_hand(double scale) override {
    return median_of(scale, [] {
      const os::Pipe pipe = os::Pipe::create_for_input();
      char byte = 0;
      const double begin = now();
      const pid_t pid = fork_child([&] { (void)!::write(pipe.write_end.get(), &byte, 1); });
      const bool has_come = ::read(pipe.read_end.get(), &byte, 1) == 1;
      const double time = (now() - begin) * 1e6;
      reap(pid);
      check(has_come);
      return time;
    });
  }
};

class Death final : public BenchWork {
 public:
  Death() {
    about.name = "death, until a blocked host knows";
    about.unit = "us";
    about.bare_name = "a poll of the pidfd of a fork by hand";
    about.published = {1.88, 1.85, 1.93};
  }
  double by_coproc(double scale) override {
    return median_of(scale, [] {
      Greeter worker(&greet, named());
      worker.start();
      check(worker.messenger().receive_blocking<int>() == 1);
      return time_of_death(worker.pid(), [&] {
        try {
          (void)worker.messenger().receive_blocking<int>();
        } catch (const coproc::WorkerDiedError&) {}
      });
    });
  }
  double by_hand(double scale) override {
    return median_of(scale, [] {
      const pid_t pid = fork_child([] { ::pause(); });
      const os::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
      const double time = time_of_death(pid, [&] {
        pollfd entry = {pidfd.get(), POLLIN, 0};
        (void)::poll(&entry, 1, -1);
      });
      reap(pid);
      return time;
    });
  }

 private:
  /// From a third process's kill until `notice` returns.
  template <class Notice>
  static double time_of_death(pid_t pid, const Notice& notice) {
    const Shared<double> moment;
    Peer killer(-1, [&] {
      ::usleep(1000);  // the host sleeps by now
      *moment = now();
      ::kill(pid, SIGKILL);
    });
    notice();
    const double time = (now() - *moment) * 1e6;
    killer.finish();
    return time;
  }
};

// ---- tasks ----

std::uint64_t square(std::uint64_t x) { return x * x; }

void write_all(const os::Fd& to, std::span<const std::uint64_t> numbers) {
  check(::write(to.get(), numbers.data(), numbers.size_bytes()) == static_cast<ssize_t>(numbers.size_bytes()));
}

/// As many whole numbers as there are; 0: the other side has ended. Both sides write whole ones, of at most a page.
std::size_t read_some(const os::Fd& from, std::span<std::uint64_t> numbers) {
  const ssize_t got = ::read(from.get(), numbers.data(), numbers.size_bytes());
  return got <= 0 ? 0 : static_cast<std::size_t>(got) / sizeof(std::uint64_t);
}

class Tasks final : public BenchWork {
 public:
  Tasks() : pool_({.workers = kWorkers}), numbers_(20000) {
    about.name = "tiny tasks by 2 workers, one message each";
    about.unit = "tasks/s";
    about.bare_name = "2 forks by hand, each behind two pipes";
    for (std::size_t i = 0; i < numbers_.size(); ++i) numbers_[i] = i;
  }
  double by_coproc(double scale) override {
    const std::vector<std::uint64_t> numbers(numbers_.begin(), numbers_.begin() + count(scale));
    const double begin = now();
    std::uint64_t sum = 0;
    for (const std::uint64_t each : pool_.map_unordered(&square, numbers, {.chunk_size = 1})) sum += each;
    const double time = now() - begin;
    check(sum == sum_of_squares(numbers.size()));
    return static_cast<double>(numbers.size()) / time;
  }
  double by_hand(double scale) override {
    struct Pipes {
      os::Pipe tasks = os::Pipe::create_for_input(), results = os::Pipe::create_for_input();
    };
    constexpr std::size_t kWindow = 64;  // tasks that a child has, at most
    const auto work = [](const Pipes& own) {
      std::array<std::uint64_t, kWindow> numbers{};
      for (std::size_t got = 0; (got = read_some(own.tasks.read_end, numbers)) != 0;) {
        for (std::size_t i = 0; i < got; ++i) numbers[i] = square(numbers[i]);
        write_all(own.results.write_end, std::span(numbers).first(got));
      }
    };
    const std::array<Pipes, kWorkers> pipes;
    const Peer one(-1, [&] { work(pipes[0]); }), other(-1, [&] { work(pipes[1]); });
    const auto all = static_cast<std::size_t>(count(scale));
    const double begin = now();
    std::uint64_t sum = 0;
    std::size_t sent = 0, taken = 0;
    std::array<std::size_t, kWorkers> in_hand{};
    for (std::size_t worker = 0; taken < all; worker = (worker + 1) % kWorkers) {
      for (; in_hand[worker] < kWindow && sent < all; ++sent, ++in_hand[worker])
        write_all(pipes[worker].tasks.write_end, std::span(&numbers_[sent], 1));
      if (in_hand[worker] == 0) continue;
      std::array<std::uint64_t, kWindow> results{};
      const std::size_t got = read_some(pipes[worker].results.read_end, results);
      check(got != 0);
      for (std::size_t i = 0; i < got; ++i) sum += results[i];
      in_hand[worker] -= got;
      taken += got;
    }
    const double time = now() - begin;
    check(sum == sum_of_squares(all));
    return static_cast<double>(all) / time;
  }

 private:
  static constexpr std::size_t kWorkers = 2;
  std::ptrdiff_t count(double scale) const {
    return static_cast<std::ptrdiff_t>(static_cast<double>(numbers_.size()) * scale);
  }
  static std::uint64_t sum_of_squares(std::uint64_t below) { return (below - 1) * below * (2 * below - 1) / 6; }

  coproc::Pool<> pool_;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace

void add_starts(std::vector<std::unique_ptr<BenchWork>>& works) {
  works.push_back(std::make_unique<Start>());
  works.push_back(std::make_unique<Death>());
}

void add_tasks(std::vector<std::unique_ptr<BenchWork>>& works) { works.push_back(std::make_unique<Tasks>()); }

}  // namespace command
