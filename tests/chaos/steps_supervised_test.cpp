// A supervised worker that dies at each step of the protocol: each request is answered or fails; or, if the worker
// saves its state with each answer, is answered and takes effect once.
#include <gtest/gtest.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chaos/parcel.hpp"
#include "chaos/steps.hpp"

using chaos::Case;
using chaos::Ledger;
using chaos::make_parcel;
using chaos::Parcel;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::WorkerDiedError;

namespace {

using Supervised = coproc::Supervised<std::function<void(PriorityMessenger&)>>;

constexpr std::uint32_t kRun = 1;

}  // namespace

TEST(ChaosSteps, SupervisedRequests) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Supervised worker{[](PriorityMessenger& host) {
                        for (;;) {
                          auto parcel = host.receive_blocking<Parcel>();
                          host.send_norequest(make_parcel(1, kRun, parcel.sequence, 24), "log");
                          host.send_reply(parcel);
                        }
                      },
                      {.method = coproc::StartMethod::fork, .name = "victim", .link = {.ring_bytes = 4096}},
                      {.backoff = {.then = std::chrono::seconds(0)}}};
    try {
      const chaos::Armed armed(which, ledger, chaos::Who::workers_started_now);
      worker.start();
    } catch (const coproc::StartError&) {
      return;  // it died before its target ran
    }
    chaos::dawdle(which, worker.pid());
    PriorityMessenger& messenger = worker.messenger();
    std::set<RequestId> ids;
    std::vector<RequestId> sent;
    std::uint64_t answered = 0, failed = 0;
    for (std::uint64_t i = 0; i < 6;) {
      try {
        sent.push_back(messenger.send_request(make_parcel(0, kRun, i, i % 2 * 1500)));
        EXPECT_TRUE(ids.insert(sent.back()).second) << "an id was used again";
        ++i;
      } catch (const WorkerDiedError&) {
        // Nothing was sent.
      }
    }
    for (std::uint64_t i = 0; i < sent.size(); ++i) {
      try {
        EXPECT_EQ(messenger.receive_reply<Parcel>(sent[i]).sequence, i);
        ++answered;
      } catch (const WorkerDiedError&) {
        ++failed;
      }
    }
    EXPECT_EQ(answered + failed, sent.size());
    EXPECT_EQ(messenger.remaining(), 0U);
    // One says in the log what it is about to answer.
    EXPECT_GE(messenger.receive_available<Parcel>("log").size(), answered);
    const std::vector<coproc::Restart> history = worker.history();
    EXPECT_LE(history.size(), 1U);
    EXPECT_EQ(failed, history.empty() ? 0 : history[0].unanswered);
    for (;;) {
      try {
        EXPECT_EQ(messenger.receive_reply<Parcel>(messenger.send_request(make_parcel(0, kRun, 9, 10))).sequence, 9U);
        break;
      } catch (const WorkerDiedError&) {
        EXPECT_LE(worker.history().size(), 1U);  // the step came only now
      }
    }
    worker.stop();
  });
}

TEST(ChaosSteps, SupervisedState) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    coproc::RestartOptions restarts{.backoff = {.then = std::chrono::seconds(0)}};
    restarts.pending = coproc::Pending::resend;
    Supervised worker{[](PriorityMessenger& host) {
                        using State = std::pair<std::uint64_t, std::string>;
                        auto state = coproc::this_worker::restored<State>().value_or(State());
                        for (;;) {
                          const auto number = host.receive_blocking<std::uint64_t>();
                          if (number % 3 == 0) host.save(state);
                          state.first += number;
                          state.second.resize(number % 2 * 2500, 's');  // every other one takes several records
                          host.save_and_reply(state, state.first);
                        }
                      },
                      {.method = coproc::StartMethod::fork, .name = "victim", .link = {.ring_bytes = 4096}},
                      restarts};
    try {
      const chaos::Armed armed(which, ledger, chaos::Who::workers_started_now);
      worker.start();
    } catch (const coproc::StartError&) {
      return;  // it died before its target ran
    }
    chaos::dawdle(which, worker.pid());
    PriorityMessenger& messenger = worker.messenger();
    std::vector<RequestId> sent;
    for (std::uint64_t i = 1; i <= 6; ++i) sent.push_back(messenger.send_request(i));
    for (std::uint64_t i = 1, sum = 0; i <= 6; ++i) {
      sum += i;
      EXPECT_EQ(messenger.receive_reply<std::uint64_t>(sent[i - 1]), sum);
    }
    EXPECT_EQ(messenger.remaining(), 0U);
    EXPECT_LE(worker.history().size(), 1U);
    worker.stop();
  });
}
