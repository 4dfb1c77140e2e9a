// What the tests of workers that make place share.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include "scenario/supervised_worker.hpp"

inline coproc::RestartOptions recycled(coproc::RecycleOptions recycle) {
  recycle.spread = 0;
  return {.most = 0, .recycle = recycle};  // no other restart is allowed
}

/// Answers how many requests it has received.
inline void count(coproc::PriorityMessenger& host) {
  for (int number = 1;; ++number) {
    host.receive_blocking<int>();
    host.send_reply(number);
  }
}
