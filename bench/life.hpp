// The common part of the programs that time starts, stops and deaths of processes.
#pragma once

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "shared.hpp"
#include "work.hpp"

namespace bench {

inline double us_since(double start) { return (now() - start) * 1e6; }

/// The median of the results of `measure`, in microseconds, during the time of the job.
template <class Measure>
Result median_over_time(const Job& job, Measure measure) {
  measure();
  std::vector<double> times;
  for (const double begin = now(); now() < begin + job.seconds || times.size() < 5;) times.push_back(measure());
  return {.unit = "us", .value = median(times), .messages = times.size()};
}

/// Memory that was written to, which makes a fork of this process slow.
class TouchedMemory {
 public:
  explicit TouchedMemory(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    memory_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw_errno("mmap");
    madvise(memory_, bytes_, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < bytes_; at += 4096) static_cast<char*>(memory_)[at] = 1;
  }
  TouchedMemory(const TouchedMemory&) = delete;
  TouchedMemory& operator=(const TouchedMemory&) = delete;
  ~TouchedMemory() {
    if (bytes_ != 0) munmap(memory_, bytes_);
  }

 private:
  std::size_t bytes_;
  void* memory_ = nullptr;
};

/// A third process that kills another one. Make it before that one: each page that the host writes to after a fork is
/// copied first, which would count as a part of the death. It lives on, since its own end would take a processor
/// meanwhile.
class Killer {
 public:
  /// The time from its kill of `pid` until `notice` returns.
  template <class Notice>
  double time_of_death(int pid, Notice notice) {
    tell(pid);
    notice();
    const double time = us_since(*moment_);
    tell(0);
    process_.finish();
    return time;
  }

 private:
  struct Ends {
    Ends() {
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw_errno("socketpair");
    }
    Ends(const Ends&) = delete;
    Ends& operator=(const Ends&) = delete;
    ~Ends() {
      close(ends[0]);
      close(ends[1]);
    }
    int ends[2];
  };

  void tell(int pid) {
    if (write(told_.ends[0], &pid, sizeof pid) != sizeof pid) throw_errno("write");
  }

  void run() {
    for (int pid = 0; read(told_.ends[1], &pid, sizeof pid) == sizeof pid && pid != 0;) {
      usleep(2000);  // the host sleeps by now
      *moment_ = now();
      kill(pid, SIGKILL);
    }
  }

  Ends told_;
  Shared<double> moment_;
  Peer process_{-1, [this] { run(); }};
};

/// The main of a program that times `start` (SIZE is how many bytes the host has touched before: 0 or 1 GiB), `stop`
/// and `death`. Each function does it once and returns the microseconds. `other` does any other work, or throws
/// NotOffered.
template <class Start, class Stop, class Death, class Other>
int run_life(int argc, char** argv, Start start, Stop stop, Death death, Other other) {
  return run_job(argc, argv, [&](const Job& job) {
    if (job.work == Work::start) {
      if (job.size != 0 && job.size != std::size_t{1} << 30) throw NotOffered();
      const TouchedMemory memory(job.size);
      print(median_over_time(job, start));
    } else if (job.work == Work::stop && job.size == 0) {
      print(median_over_time(job, stop));
    } else if (job.work == Work::death && job.size == 0) {
      print(median_over_time(job, death));
    } else {
      print(other(job));
    }
  });
}

}  // namespace bench
