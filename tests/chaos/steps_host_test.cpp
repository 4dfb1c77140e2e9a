// A host that dies at each step of the protocol: its worker ends, whatever it is doing.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <coproc/coproc.hpp>
#include <cstdint>
#include <functional>

#include "chaos/parcel.hpp"
#include "chaos/steps.hpp"
#include "support/descendants.hpp"

using chaos::Case;
using chaos::Ledger;
using chaos::Parcel;
using coproc::PriorityMessenger;

namespace {

using Worker = coproc::WorkerResource<std::function<void(PriorityMessenger&)>>;

int wait_status(pid_t pid, pid_t& ended) {
  int status = -1;
  do {
    ended = ::waitpid(pid, &status, 0);
  } while (ended < 0 && errno == EINTR);
  return status;
}

/// Forks a host that dies at its step, and waits for it and for its worker (for ever, if that should live on).
template <class Conversation>
void host_dies(const Case& which, Ledger& ledger, std::function<void(PriorityMessenger&)> target,
               Conversation conversation) {
  const pid_t host = ::fork();
  if (host == 0) {
    const chaos::Armed armed(which, ledger, chaos::Who::this_process);
    try {
      Worker worker{std::move(target), {.method = coproc::StartMethod::fork, .link = {.ring_bytes = 4096}}};
      worker.start();
      conversation(worker.messenger());
      worker.kill();
    } catch (const std::exception& error) {
      ledger.complain(error.what());
    }
    ::_exit(0);
  }
  pid_t ended;
  EXPECT_NE(wait_status(host, ended), -1);
  EXPECT_EQ(ended, host);
  for (;;) {
    const int status = wait_status(-1, ended);
    if (ended < 0) break;
    // It was told and left, it was not let go by the start, or its time was up.
    const bool is_quiet = WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1);
    EXPECT_TRUE(is_quiet || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) << status;
  }
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace

TEST(ChaosSteps, promise_09_TheHostOfAWaitingWorkerDies) {
  const support::Subreaper here;
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    const auto answers = [](PriorityMessenger& host) {
      while (true) host.send_reply(host.receive_blocking<Parcel>());
    };
    host_dies(which, ledger, answers, [&](PriorityMessenger& worker) {
      chaos::Inspector inspector(1);
      for (std::uint64_t i = 0; i < 3; ++i) {
        worker.send_request(chaos::make_parcel(0, 1, i, 900 * i));
        if (const auto wrong = inspector.accept(worker.receive_blocking<Parcel>()); !wrong.empty())
          ledger.complain(wrong);
      }
      worker.send_close_request();
    });
  });
}

TEST(ChaosSteps, promise_09_TheHostOfASendingWorkerDies) {
  const support::Subreaper here;
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    const auto sends = [](PriorityMessenger& host) {
      for (std::uint64_t i = 0;; ++i) host.send_norequest(chaos::make_parcel(0, 1, i, 500));
    };
    host_dies(which, ledger, sends, [&](PriorityMessenger& worker) {
      chaos::Inspector inspector(1);
      for (int i = 0; i < 12; ++i) {
        if (const auto wrong = inspector.accept(worker.receive_blocking<Parcel>()); !wrong.empty())
          ledger.complain(wrong);
      }
    });
  });
}

TEST(ChaosSteps, promise_09_TheHostOfABusyWorkerDies) {
  const support::Subreaper here;
  chaos::at_each_step(
      [](const Case& which, Ledger& ledger) {
        const auto spins = [](PriorityMessenger& host) {
          host.send_norequest(1);
          for (volatile bool forever = true; forever;) {}
        };
        host_dies(which, ledger, spins, [&](PriorityMessenger& worker) { worker.receive_blocking<int>(); });
      },
      3);  // each takes the whole grace time
}
