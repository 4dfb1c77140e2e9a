// The common part of the works with tasks: `tasks` (the squares of numbers, one by one, on SIZE workers) and
// `sleeping_tasks` (of 10 ms).
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <vector>

#include "work.hpp"

namespace bench {

/// The sum of the squares from 0 to count, modulo 2^64.
inline std::uint64_t sum_of_squares(std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += i * i;
  return sum;
}

/// Tasks per second: the median of several `run(count)`, which returns the sum of the results.
template <class Run>
Result time_tasks(const Job& job, Run run) {
  const auto time = [&](std::uint64_t count) {
    const double begin = now();
    check(run(count) == sum_of_squares(count), "the results are wrong");
    return now() - begin;
  };
  const double wanted = job.seconds / 6;
  std::uint64_t count = 64;
  double taken = time(count);
  for (; taken < wanted; taken = time(count)) count *= 2;
  Result result{.unit = "tasks/s"};
  std::vector<double> rates;
  for (const double begin = now(); now() < begin + job.seconds || rates.size() < 3;) {
    rates.push_back(static_cast<double>(count) / time(count));
    result.messages += count;
  }
  result.value = median(rates);
  return result;
}

constexpr long kSleep = 10'000'000;  // ns

inline void sleep_for_task() {
  const timespec time{0, kSleep};
  nanosleep(&time, nullptr);
}

/// The number of sleeping tasks: as many as fill the time, and the same number for each worker.
inline std::size_t sleeping_tasks(const Job& job) {
  return job.size * std::max<std::size_t>(10, static_cast<std::size_t>(job.seconds * 1e9 / kSleep));
}

}  // namespace bench
