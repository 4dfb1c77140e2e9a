// Fails if the loop does not bring a coroutine that calls a worker, and a task, to their ends.
#include <chrono>
#include <coroutine>
#include <exception>
#include <iostream>

#include "loop.hpp"

using namespace std::chrono_literals;

namespace {

struct Twice {
  using Reply = int;
  int value;
};

void serve(coproc::PriorityMessenger& host) {
  coproc::serve(host, [](const Twice& twice) { return 2 * twice.value; });
}

int square(int x) { return x * x; }

struct Coroutine {
  struct promise_type {
    Coroutine get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

Coroutine use(coproc::AsyncMessenger& messages, coproc::Pool<>& pool, long& sum, bool& is_over) {
  for (int i = 0; i < 100; ++i) sum += co_await messages.call(Twice{i}) + co_await pool.submit(&square, i);
  try {
    co_await messages.receive<int>({.timeout = 10ms});
  } catch (const coproc::TimeoutError&) {
    is_over = true;
  }
}

}  // namespace

int main() {
  coproc::WorkerResource worker{&serve};
  worker.start();
  coproc::Pool pool{{.workers = 1}};
  coproc::AsyncMessenger messages(worker.messenger());
  long sum = 0;
  bool is_over = false;
  use(messages, pool, sum, is_over);
  run(messages, pool, is_over);
  if (sum == 9900 + 328350) return 0;
  std::cerr << "the sum is " << sum << "\n";
  return 1;
}
