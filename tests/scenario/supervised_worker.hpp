// What the tests of supervised workers share.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>
#include <thread>

inline constexpr int kExits = 13, kReturns = 14;  // what `tenfold` does for these values

/// A worker that answers numbers.
inline void tenfold(coproc::PriorityMessenger& host) {
  for (;;) {
    const int value = host.receive_blocking<int>();
    if (value == kExits) ::_exit(3);
    if (value == kReturns) return;
    host.send_reply(value * 10);
  }
}

/// Restarts without delays, as often as a test likes.
inline coproc::RestartOptions at_once() { return {.most = 1000, .backoff = {.then = std::chrono::seconds(0)}}; }

/// Sends until it is told that the worker is dead: a send can find room in the link of a worker that has just ended.
inline void send_until_told(coproc::PriorityMessenger& messenger) {
  EXPECT_THROW(for (;;) messenger.send_norequest(0, "nobody listens here"), coproc::WorkerDiedError);
}

/// The answer of the present worker to one request.
template <class S>
int answer(S& supervised, int value) {
  return supervised.messenger().template receive_reply<int>(supervised.messenger().send_request(value));
}

template <class S>
void wait_for_end(S& supervised) {
  while (supervised.is_alive()) std::this_thread::yield();
}
