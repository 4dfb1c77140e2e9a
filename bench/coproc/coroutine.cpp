// What a coroutine pays for a round trip more than a blocking call, while both processes are awake:
//
//   bench_coroutine [HOST_PROCESSOR WORKER_PROCESSOR]
//
// Blocks of both take turns, so that whatever else the machine does meets both. Printed are the medians of the blocks,
// in nanoseconds for a round trip, and the median of the ratios of neighbouring blocks.
#include <sched.h>

#include <coproc/async.hpp>
#include <coproc/coproc.hpp>

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <vector>

namespace {

constexpr int kBlocks = 200;
constexpr int kTrips = 2000;

struct Echo {
  using Reply = int;
  int value;
};

void pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  if (processor >= 0) sched_setaffinity(0, sizeof set, &set);
}

void serve(coproc::PriorityMessenger& host, int processor) {
  pin_to(processor);
  coproc::serve(host, [](const Echo& echo) { return echo.value; });
}

struct Coroutine {
  struct promise_type {
    Coroutine get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

Coroutine make_trips(coproc::AsyncMessenger& messages, long& sum) {
  for (int i = 0; i < kTrips; ++i) sum += co_await messages.call(Echo{i});
}

template <class Block>
double nanoseconds(Block block) {
  const auto begin = std::chrono::steady_clock::now();
  block();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / kTrips;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  pin_to(argc > 2 ? std::atoi(argv[1]) : -1);
  coproc::WorkerResource worker{&serve};
  worker.start(argc > 2 ? std::atoi(argv[2]) : -1);
  coproc::AsyncMessenger messages(worker.messenger());
  std::vector<double> blocking, coroutine, ratio;
  long sum = 0;
  for (int block = 0; block < kBlocks; ++block) {
    blocking.push_back(nanoseconds([&] {
      for (int i = 0; i < kTrips; ++i) sum += worker.messenger().call(Echo{i});
    }));
    coroutine.push_back(nanoseconds([&] {
      make_trips(messages, sum);
      while (messages.waiting() != 0) messages.wait();
    }));
    ratio.push_back(coroutine.back() / blocking.back());
  }
  std::cout << "blocking " << median(blocking) << " ns, coroutine " << median(coroutine) << " ns, ratio "
            << median(ratio) << "\n";
  return sum == 2L * kBlocks * kTrips * (kTrips - 1) / 2 ? 0 : 1;
}
