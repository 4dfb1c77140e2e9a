// The common part of the programs that time starts, stops and deaths of processes.
#pragma once

#include <sys/mman.h>
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

/// The time from a third process's kill of `pid` until `notice` returns.
template <class Notice>
double time_of_death(int pid, Notice notice) {
  Shared<double> moment;
  Peer killer(-1, [&] {
    usleep(2000);  // the host sleeps by now
    *moment = now();
    kill(pid, SIGKILL);
  });
  notice();
  const double time = us_since(*moment);
  killer.finish();
  return time;
}

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
