// What the tests of workers that depend on each other share.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <coproc/coproc.hpp>
#include <coproc/supervisor.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "chaos/assassin.hpp"
#include "chaos/ledger.hpp"
#include "scenario/supervised_worker.hpp"

inline constexpr int kFails = 15;  // `member` ends with an exit code for this, and for kReturns without failure

/// What the workers of a group have done, in its order: "+2" for the start of the one with number 2, "-2" for its end.
struct Events {
  std::atomic<std::size_t> count = 0;
  std::array<std::atomic<int>, 1000> events{};  // positive: a start

  void add(int event) { events[count++] = event; }
  std::string text() const {
    std::string all;
    for (std::size_t i = 0; i != count; ++i) all += (events[i] > 0 ? "+" : "") + std::to_string(events[i]);
    return all;
  }
};

using Member = coproc::Supervised<std::function<void(coproc::PriorityMessenger&, int)>>;

/// A group of such workers, with numbers from 1, that answer their own number and what they are sent.
class Group {
 public:
  explicit Group(coproc::SupervisorOptions options, std::size_t size = 3, coproc::RestartOptions restarts = at_once())
      : supervisor(options) {
    for (std::size_t i = 0; i != size; ++i) add(restarts);
  }
  explicit Group(coproc::Strategy strategy) : Group(coproc::SupervisorOptions{.strategy = strategy, .most = 1000}) {}

  Member& add(const coproc::RestartOptions& restarts) {
    const int number = static_cast<int>(members.size()) + 1;
    members.push_back(
        &supervisor.add(Member([this](coproc::PriorityMessenger& host, int own) { run(host, own); },
                               {.method = coproc::StartMethod::fork, .name = std::to_string(number)}, restarts),
                        number));
    return *members.back();
  }
  void run(coproc::PriorityMessenger& host, int own) {
    events->add(own);
    try {
      for (;;) {
        const int value = host.receive_blocking<int>();
        if (value == kFails) ::_exit(3);
        if (value == kReturns) return;
        host.send_reply(own * 1000 + value);
      }
    } catch (const coproc::ResourceRequestedClose&) {
      events->add(-own);
    }
  }

  Member& operator[](int number) { return *members[static_cast<std::size_t>(number - 1)]; }
  std::vector<int> pids() {
    std::vector<int> all;
    for (Member* const member : members) all.push_back(member->is_alive() ? member->pid() : 0);
    return all;
  }
  /// Lets one die, and finds it dead by a call of its messenger.
  void let_die(int number) {
    (*this)[number].kill();
    EXPECT_THROW((void)(*this)[number].messenger().receive_blocking(), coproc::WorkerDiedError);
  }
  /// Waits until all workers are at work, so that what they have done before is complete.
  void expect_answers() {
    for (int number = 1; number <= static_cast<int>(members.size()); ++number) {
      EXPECT_EQ(answer((*this)[number], 7), number * 1000 + 7);
    }
  }

  chaos::NoCoreFiles none;
  chaos::Shared<Events> events;
  coproc::Supervisor supervisor;
  std::deque<Member*> members;
};
