// A worker whose start is timed to its first message.
#pragma once

#include <coproc/coproc.hpp>

#include "life.hpp"

namespace bench {

using Greeter = coproc::WorkerResource<void (*)(coproc::PriorityMessenger&)>;

inline void greet(coproc::PriorityMessenger& host) {
  host.send_norequest(1);
  host.receive_blocking<int>();  // throws when it is asked to close
}

inline void start_one(Greeter& worker) {
  worker.start();
  check(worker.messenger().receive_blocking<int>() == 1, "the first message is another one");
}

/// Measures until the first message from the worker, in microseconds.
inline double time_of_start(const coproc::WorkerOptions& options) {
  Greeter worker(&greet, options);
  const double begin = now();
  start_one(worker);
  const double time = us_since(begin);
  worker.kill();
  worker.join();
  return time;
}

}  // namespace bench
