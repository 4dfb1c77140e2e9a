// What the tests of workers that make place share.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <atomic>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>
#include <thread>

#include "chaos/ledger.hpp"
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

/// A target that answers with what it is asked, but not before it may. It is one for forks.
inline auto echo_once_allowed(chaos::Shared<std::atomic<bool>>& may_go_on) {
  return [&may_go_on](coproc::PriorityMessenger& host) {
    for (;;) {
      const int value = host.receive_blocking<int>();
      while (!*may_go_on) std::this_thread::yield();
      host.send_reply(value);
    }
  };
}
