// What workers that hang do, in functions whose names a stack shows.
//
// Thread safety: none; each is called by the only thread of a worker, which it never leaves.
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <coproc/coproc.hpp>
#include <mutex>
#include <thread>
#include <vector>

namespace hangs {

inline std::atomic<bool> is_over{false};  // never set, which the compiler does not know

[[gnu::noinline]] inline void spin_on() {
  while (!is_over) {}
}
[[gnu::noinline]] inline void wait_for_a_lock() {
  std::mutex mutex;
  mutex.lock();
  std::thread([] { std::this_thread::sleep_for(std::chrono::hours(1)); }).detach();
  mutex.lock();
}
[[gnu::noinline]] inline void sleep_on() { std::this_thread::sleep_for(std::chrono::hours(1)); }
[[gnu::noinline]] inline void read_on() {
  int pipe[2];
  char byte = 0;
  if (::pipe(pipe) == 0) (void)!::read(pipe[0], &byte, 1);
}
[[gnu::noinline]] inline void receive_on(coproc::PriorityMessenger& from) {
  (void)from.receive_blocking<std::vector<int>>();
}

}  // namespace hangs
