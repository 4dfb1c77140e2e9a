// A supervised worker whose lives each have a target of their own, for tests of requests that are sent again.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>
#include <cstddef>
#include <functional>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "chaos/assassin.hpp"
#include "chaos/ledger.hpp"
#include "scenario/supervised_worker.hpp"

/// Ends the worker by a signal that cannot be handled, so that nothing is written about it.
[[noreturn]] inline void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

inline coproc::RestartOptions resending() {
  coproc::RestartOptions options = at_once();
  options.pending = coproc::Pending::resend;
  return options;
}

/// What the workers of one test share, and its host.
struct Shared {
  std::atomic<int> lives{0};
  std::atomic<int> returned{0};  // how many requests the present worker has received
  std::atomic<bool> may_go_on{false};
  std::array<std::atomic<int>, 2000> runs{};  // of each request, by its value
};

using Target = std::function<void(coproc::PriorityMessenger&)>;

/// A supervised worker with a target for each of its lives, of which the last one is used for all later ones.
class Lives {
 public:
  using Life = std::function<void(coproc::PriorityMessenger&, Shared&)>;

  explicit Lives(std::vector<Life> lives, coproc::RestartOptions options = resending(),
                 std::size_t ring_bytes = 1 << 16)
      : worker_(Target([this, lives = std::move(lives)](coproc::PriorityMessenger& host) {
                  const auto life = static_cast<std::size_t>(shared_->lives++);
                  shared_->returned = 0;
                  lives[std::min(life, lives.size() - 1)](host, *shared_);
                }),
                {.method = coproc::StartMethod::fork, .name = "cat", .link = {.ring_bytes = ring_bytes}},
                std::move(options)) {
    worker_.start();
  }

  coproc::Supervised<Target>* operator->() { return &worker_; }
  coproc::PriorityMessenger& messenger() { return worker_.messenger(); }
  Shared& shared() { return *shared_; }
  void wait_until_returned(int count) {
    while (shared_->returned < count) std::this_thread::yield();
  }
  /// Lets a worker of die_with(count) die, and waits for that.
  void let_die_with(int count) {
    wait_until_returned(count);
    shared_->may_go_on = true;
    wait_for_end(worker_);
  }
  void kill_now() {
    while (shared_->lives < static_cast<int>(worker_.history().size()) + 1) std::this_thread::yield();
    worker_.kill();
    wait_for_end(worker_);
  }

 private:
  chaos::NoCoreFiles none_;
  chaos::Shared<Shared> shared_;
  coproc::Supervised<Target> worker_;
};

/// Receives so many requests, and dies with these in hand.
inline Lives::Life die_with(int count) {
  return [count](coproc::PriorityMessenger& host, Shared& shared) {
    for (int i = 0; i < count; ++i, ++shared.returned) (void)host.receive_blocking();
    while (!shared.may_go_on) std::this_thread::yield();
    die();
  };
}

/// Answers numbers by ten times as much, and counts how often each was run.
inline void tenfold_counted(coproc::PriorityMessenger& host, Shared& shared) {
  for (;;) {
    const int value = host.receive_blocking<int>();
    ++shared.runs[static_cast<std::size_t>(value)];
    host.send_reply(value * 10);
  }
}

/// Receives everything and answers nothing.
inline void hoard(coproc::PriorityMessenger& host, Shared& shared) {
  for (;;) {
    (void)host.receive_blocking();
    ++shared.returned;
  }
}

inline std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Which of these requests fail, by their places; the others have to be answered rightly.
template <class Error = coproc::WorkerDiedError>
std::vector<int> failures_of(coproc::PriorityMessenger& messenger, const std::vector<coproc::RequestId>& ids) {
  std::vector<int> failures;
  for (int i = 0; i < static_cast<int>(ids.size()); ++i) {
    try {
      EXPECT_EQ(messenger.receive_reply<int>(ids[static_cast<std::size_t>(i)]), i * 10);
    } catch (const Error&) {
      failures.push_back(i);
    }
  }
  return failures;
}
