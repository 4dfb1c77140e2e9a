// A worker that dies at each step of the protocol: its host receives all that was sent, once, in order, and is told.
#include <gtest/gtest.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "chaos/listener.hpp"
#include "chaos/steps.hpp"

using namespace std::chrono_literals;
using chaos::Case;
using chaos::Death;
using chaos::Heard;
using chaos::Ledger;
using chaos::make_parcel;
using chaos::noted;
using chaos::Parcel;
using coproc::PriorityMessenger;

namespace {

constexpr std::uint32_t kRun = 1;

using Worker = coproc::WorkerResource<std::function<void(PriorityMessenger&)>>;

coproc::WorkerOptions options(std::size_t ring_bytes = 64 * 1024) {
  return {.method = coproc::StartMethod::fork, .name = "victim", .link = {.ring_bytes = ring_bytes}};
}

/// False: it died before its target ran, and `start()` said so.
template <class W, class... A>
bool start_armed(W& worker, const Case& which, Ledger& ledger, A&&... arguments) {
  try {
    const chaos::Armed armed(which, ledger, chaos::Who::workers_started_now);
    worker.start(std::forward<A>(arguments)...);
  } catch (const coproc::StartError& error) {
    EXPECT_EQ(ledger.steps, which.nth) << error.what();
    EXPECT_FALSE(worker.is_alive());
    return false;
  }
  chaos::dawdle(which, worker.pid());
  return true;
}

/// The end that the worker met, and no other; nullopt is none.
void expect_end(const Case& which, const Ledger& ledger, const std::optional<coproc::ExitStatus>& status,
                int code_without = 0) {
  ASSERT_TRUE(status.has_value());
  if (ledger.steps < which.nth) {
    EXPECT_EQ(status->code(), code_without) << status->describe();
  } else if (which.death == Death::exit) {
    EXPECT_EQ(status->code(), 3) << status->describe();
  } else {
    EXPECT_EQ(status->signal(), which.death == Death::abort ? SIGABRT : SIGKILL) << status->describe();
  }
}

void send_parcel(PriorityMessenger& host, Ledger& ledger, std::uint32_t lane, std::size_t bytes) {
  noted(ledger, lane, [&](std::uint64_t sequence) {
    host.send_norequest(make_parcel(lane, kRun, sequence, bytes), chaos::channel_of(lane));
  });
}

/// The whole of most tests here: what the worker does, and a host that listens.
void listen_to(const Case& which, Ledger& ledger, Worker& worker) {
  if (!start_armed(worker, which, ledger)) return;
  Heard heard(kRun);
  hear_all(worker.messenger(), heard, which.choice(2, chaos::kWaysToWait));
  heard.inspector.expect_nothing_lost(ledger);
  expect_end(which, ledger, heard.status);
}

}  // namespace

TEST(ChaosSteps, SmallMessages) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Worker worker{[&](PriorityMessenger& host) {
                    for (int i = 0; i < 6; ++i) send_parcel(host, ledger, 0, 24);
                  },
                  options()};
    listen_to(which, ledger, worker);
  });
}

TEST(ChaosSteps, LargeMessagesInFragments) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Worker worker{[&](PriorityMessenger& host) {
                    for (const std::size_t bytes : {2500U, 100U, 6000U}) send_parcel(host, ledger, 0, bytes);
                  },
                  options(4096)};
    listen_to(which, ledger, worker);
  });
}

TEST(ChaosSteps, PrioritiesOverChannels) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Worker worker{[&](PriorityMessenger& host) {
                    for (int i = 0; i < 2; ++i) {
                      for (const std::uint32_t lane : {3U, 0U, 5U, 2U, 1U}) send_parcel(host, ledger, lane, 40);
                    }
                  },
                  options()};
    listen_to(which, ledger, worker);
  });
}

TEST(ChaosSteps, FullRingAndASlowHost) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Worker worker{[&](PriorityMessenger& host) {
                    for (int i = 0; i < 14; ++i) send_parcel(host, ledger, 0, 600);
                  },
                  options(4096)};
    if (!start_armed(worker, which, ledger)) return;
    Heard heard(kRun);
    // A host that lets the ring fill before it takes one message more, and in the end all that is left.
    for (int i = 0; i < 3; ++i) {
      while (!chaos::is_at_rest(worker.pid())) std::this_thread::yield();
      if (!heard.survive([&] { hear_some(worker.messenger(), heard, 0); })) break;
    }
    if (!heard.status) hear_all(worker.messenger(), heard, which.choice(2, chaos::kWaysToWait));
    heard.inspector.expect_nothing_lost(ledger);
    expect_end(which, ledger, heard.status);
  });
}

TEST(ChaosSteps, RequestsAndReplies) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Worker worker{[&](PriorityMessenger& host) {
                    chaos::Inspector of_host(kRun);
                    for (int i = 0; i < 4; ++i) {
                      const auto request = host.receive_blocking<Parcel>();
                      if (const auto wrong = of_host.accept(request); !wrong.empty()) ledger.complain(wrong);
                      noted(ledger, 0, [&](std::uint64_t sequence) {
                        host.send_reply(make_parcel(0, kRun, sequence, request.front.size()));
                      });
                    }
                    // And, once the host has all of these, the other way round.
                    (void)host.receive_blocking<int>();
                    const auto id = host.send_request(0);
                    if (host.receive_reply<int>(id) != 1) ledger.complain("a wrong reply");
                  },
                  options()};
    if (!start_armed(worker, which, ledger)) return;
    PriorityMessenger& messenger = worker.messenger();
    Heard heard(kRun);
    const auto converse = [&] {
      for (std::uint64_t i = 0; i < 4; ++i) {
        const auto id = messenger.send_request(make_parcel(0, kRun, i, 100 * i));
        // The worker says nothing more before it is asked again: a wake-up call that is missed here is a hang.
        const std::uint64_t way = which.choice(1, chaos::kWaysToWait + 2);
        if (way == chaos::kWaysToWait) heard.take(messenger.receive_reply<Parcel>(id));
        while (way < chaos::kWaysToWait && heard.inspector.received() <= i) hear_some(messenger, heard, way);
      }
      for (const Parcel& parcel : messenger.receive_remaining<Parcel>()) heard.take(parcel);
      EXPECT_EQ(messenger.remaining(), 0U);
      messenger.send_norequest(0);
      EXPECT_EQ(messenger.receive_blocking<int>(), 0);
      messenger.send_reply(1);
    };
    if (heard.survive(converse)) {
      heard.survive([&] { ADD_FAILURE() << "a message from nowhere: " << messenger.receive_blocking().type_name(); });
    } else {
      // A send may have been told first: what came before the end is still there.
      heard.survive([&] {
        for (const Parcel& parcel : messenger.receive_remaining<Parcel>()) heard.take(parcel);
      });
    }
    heard.inspector.expect_nothing_lost(ledger);
    expect_end(which, ledger, heard.status);
  });
}

TEST(ChaosSteps, promise_07_AnExceptionLeavesTheTarget) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Worker worker{[&](PriorityMessenger& host) {
                    send_parcel(host, ledger, 0, 24);
                    send_parcel(host, ledger, 0, 24);
                    throw chaos::Boom{7};
                  },
                  options()};
    worker.messenger().accept_errors<chaos::Boom>();
    if (!start_armed(worker, which, ledger)) return;
    Heard heard(kRun);
    hear_all(worker.messenger(), heard, which.choice(2, chaos::kWaysToWait));
    heard.inspector.expect_nothing_lost(ledger);
    expect_end(which, ledger, heard.status, 1);
    // The exception or a death that explains its absence; once, and in the status, too.
    EXPECT_LE(heard.booms, 1);
    EXPECT_GE(heard.booms, ledger.exception_sent ? 1 : 0);
    ASSERT_TRUE(heard.status);
    EXPECT_EQ(heard.status->exception != nullptr, heard.booms == 1) << heard.status->exception_text;
  });
}

TEST(ChaosSteps, CloseRequestsUnderWay) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Worker worker{[&](PriorityMessenger& host) {
                    send_parcel(host, ledger, 0, 24);
                    send_parcel(host, ledger, 0, 24);
                    host.send_close_request();
                    send_parcel(host, ledger, 0, 24);
                    host.receive_blocking();  // throws the host's own request
                  },
                  options()};
    if (!start_armed(worker, which, ledger)) return;
    Heard heard(kRun);
    heard.survive([&] { worker.messenger().send_close_request(); });
    hear_all(worker.messenger(), heard, which.choice(2, chaos::kWaysToWait));
    heard.inspector.expect_nothing_lost(ledger);
    expect_end(which, ledger, heard.status);
    EXPECT_GE(heard.close_requests, ledger.returned[0] == 3 ? 1 : 0);
  });
}

TEST(ChaosSteps, StoppedByItsHost) {
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    Worker worker{[&](PriorityMessenger& host) {
                    for (int i = 0; i < 8; ++i) send_parcel(host, ledger, 0, 600);
                    host.receive_blocking();
                  },
                  options(4096)};
    if (!start_armed(worker, which, ledger)) return;
    const coproc::ExitStatus stopped = worker.stop({.close = 60s, .terminate = 60s});
    expect_end(which, ledger, stopped);
    Heard heard(kRun);
    hear_all(worker.messenger(), heard, which.choice(2, chaos::kWaysToWait));
    heard.inspector.expect_nothing_lost(ledger);
    expect_end(which, ledger, heard.status);
  });
}

TEST(ChaosSteps, APairThatJoinsTwoWorkers) {
  using Joined = coproc::WorkerResource<std::function<void(PriorityMessenger&, PriorityMessenger)>>;
  chaos::at_each_step([](const Case& which, Ledger& ledger) {
    auto [end_of_sender, end_of_receiver] = PriorityMessenger::new_pair();
    Joined sender{[&](PriorityMessenger&, PriorityMessenger peer) {
                    for (int i = 0; i < 3; ++i) send_parcel(peer, ledger, 0, 24);
                    (void)peer.receive_blocking<int>();
                    send_parcel(peer, ledger, 0, 24);
                  },
                  options()};
    Joined receiver{[&](PriorityMessenger& host, PriorityMessenger peer) {
                      chaos::Inspector inspector(kRun);
                      try {
                        for (;;) {
                          const auto parcel = peer.receive_blocking<Parcel>();
                          if (const auto wrong = inspector.accept(parcel); !wrong.empty()) ledger.complain(wrong);
                          if (inspector.received() == 3) peer.send_norequest(0);
                        }
                      } catch (const coproc::PeerClosedError&) {
                        host.send_norequest(inspector.received());
                      }
                    },
                    options()};
    const bool receives_first = which.choice(1, 2) == 0;
    if (receives_first) receiver.start(std::move(end_of_receiver));
    const bool is_started = start_armed(sender, which, ledger, std::move(end_of_sender));
    if (!receives_first) receiver.start(std::move(end_of_receiver));
    const auto received = receiver.messenger().receive_blocking<std::uint64_t>();
    EXPECT_GE(received, ledger.returned[0]);
    EXPECT_LE(received, ledger.begun[0]);
    EXPECT_TRUE(receiver.join().success());
    if (is_started) expect_end(which, ledger, sender.join());
  });
}
