// Nothing hangs: promises 1 to 4.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/descendants.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

int sleeps_for_ever(PriorityMessenger&) {
  while (true) ::pause();
}

}  // namespace

TEST(Promises, promise_01_what_a_dead_worker_sent_is_delivered_before_its_death_is_told) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          for (int i = 0; i < 100; ++i) host.send_norequest(i);
                          ::raise(SIGABRT);  // the crash that no sanitizer handles
                        },
                        {.name = "indexer"}};
  worker.start();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(worker.messenger().receive_blocking<int>(), i);
  try {
    worker.messenger().receive_blocking<int>();
    FAIL();
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.name(), "indexer");
    EXPECT_EQ(error.pid(), worker.pid());
    EXPECT_EQ(error.exit_status().signal(), SIGABRT);
    const std::string text = error.what();
    EXPECT_NE(text.find("worker " + std::to_string(worker.pid()) + " (indexer) was killed by SIGABRT"),
              std::string::npos)
        << text;
  }
  EXPECT_THROW(worker.messenger().send_norequest(1), coproc::WorkerDiedError);
  EXPECT_THROW(worker.messenger().receive_for<int>(1h), coproc::WorkerDiedError);
}

TEST(Promises, promise_01_a_send_that_waits_notices_the_death) {
  WorkerResource worker{sleeps_for_ever};
  worker.start();
  std::atomic<int> sent{0};
  std::thread killer([&] {
    while (sent < 10) std::this_thread::yield();
    worker.kill();
  });
  EXPECT_THROW(for (;; ++sent) worker.messenger().send_norequest(std::string(1000, 'x')), coproc::WorkerDiedError);
  killer.join();
}

TEST(Promises, promise_01_a_close_request_of_the_worker_does_not_hide_its_death) {
  WorkerResource worker{[](PriorityMessenger& host) {
    host.send_close_request();
    host.send_norequest(1);
    ::raise(SIGKILL);
  }};
  worker.start();
  while (worker.is_alive()) std::this_thread::yield();
  EXPECT_THROW(worker.messenger().receive_blocking<int>(), coproc::WorkerRequestedClose);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  EXPECT_THROW(worker.messenger().receive_blocking<int>(), coproc::WorkerDiedError);
}

TEST(Promises, promise_02_two_senders_never_deadlock) {
  constexpr int kRequests = 1'000'000;
  WorkerResource worker{[](PriorityMessenger& host) {
    while (true) host.send_reply(host.receive_blocking<int>() + 1);
  }};
  worker.start();
  for (int i = 0; i < kRequests; ++i) worker.messenger().send_request(i);
  std::int64_t sum = 0;
  for (int reply : worker.messenger().receive_remaining<int>()) sum += reply;
  EXPECT_EQ(sum, std::int64_t{kRequests} * (kRequests + 1) / 2);
}

TEST(Promises, promise_03_stop_ends_a_worker_that_is_blocked_in_a_send) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          for (int i = 0; i < 10000; ++i) host.send_norequest(std::string(1000, 'x'));
                          throw std::logic_error("at its end");
                        },
                        {.stop = {.close = 1h}}};
  worker.start();
  const auto status = worker.stop();
  EXPECT_EQ(status.code(), 1);
  EXPECT_EQ(status.exception_text, "std::logic_error: at its end");
  EXPECT_THROW(worker.messenger().receive_available<std::string>(), std::logic_error);
  EXPECT_EQ(worker.messenger().receive_available<std::string>().size(), 10000u);
}

TEST(Promises, promise_03_the_ladder_ends_a_worker_that_loops_and_ignores) {
  WorkerResource loops{[](PriorityMessenger& host) {
                         host.send_norequest(1);
                         for (volatile bool forever = true; forever;) {}
                       },
                       {.stop = {.close = 10ms, .terminate = 10s}}};
  loops.start();
  loops.messenger().receive_blocking<int>();
  const auto terminated = loops.stop();
  EXPECT_EQ(terminated.signal(), SIGTERM);
  EXPECT_EQ(terminated.stopped_by, coproc::StopRung::terminate);

  WorkerResource ignores{[](PriorityMessenger& host) {
                           ::signal(SIGTERM, SIG_IGN);
                           host.send_norequest(1);
                           while (true) ::pause();
                         },
                         {.stop = {.close = 10ms, .terminate = 10ms}}};
  ignores.start();
  ignores.messenger().receive_blocking<int>();
  const auto killed = ignores.stop();
  EXPECT_EQ(killed.signal(), SIGKILL);
  EXPECT_EQ(killed.stopped_by, coproc::StopRung::kill);
}

TEST(Promises, promise_03_a_close_request_needs_no_space_in_the_ring) {
  WorkerResource worker{[](PriorityMessenger& host) {
    ::raise(SIGSTOP);
    while (true) (void)host.receive_blocking<std::string>();
  }};
  worker.start();
  support::wait_until_stopped(worker.pid());
  while (worker.messenger().try_send(std::string(1000, 'x'))) {}
  worker.messenger().send_close_request();
  // Only once: one more, at the worker's end, would undo the stop that the leak sanitizer waits for.
  ::kill(worker.pid(), SIGCONT);
  EXPECT_TRUE(worker.join().success());
}

TEST(Promises, promise_04_every_wait_has_an_end) {
  auto [a, b] = PriorityMessenger::new_pair();
  EXPECT_EQ(a.receive_for<int>(1ms), std::nullopt);
  EXPECT_EQ(a.receive_until<int>(std::chrono::steady_clock::now() + 1ms), std::nullopt);
  EXPECT_EQ(a.receive_any({1, 2}, 1ms), std::nullopt);
  const auto id = a.send_request(1);
  EXPECT_THROW(a.receive_reply<int>(id, 1ms), coproc::TimeoutError);
  EXPECT_THROW(while (true) a.send_norequest(std::string(1000, 'x'), {}, {.timeout = 1ms}), coproc::TimeoutError);
}

TEST(Promises, promise_04_only_two_full_inboxes_are_an_error) {
  auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4096, .max_queued_bytes = 20000});
  std::atomic<int> errors{0};
  // Whoever is told first ends the other, too: its peer's inbox is full for ever, which is no error of its own.
  auto flood = [&errors](PriorityMessenger& messenger) {
    while (errors == 0) {
      try {
        messenger.send_norequest(std::string(500, 'x'), {}, {.timeout = 20ms});
      } catch (const coproc::TimeoutError&) {
      } catch (const coproc::QueueFullError&) {
        ++errors;
      }
    }
  };
  std::thread other([&flood, &b = b] { flood(b); });
  flood(a);
  other.join();
  EXPECT_GE(errors, 1);
}

TEST(Promises, promise_04_a_receive_behind_a_full_inbox_names_the_fullest_channel) {
  auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4096, .max_queued_bytes = 20000});
  std::thread sender([&a = a] {
    for (int i = 0; i < 100; ++i) a.send_norequest(std::string(500, 'a'), "crowd");
    a.send_norequest(1, "wanted");
  });
  bool is_refused = false;
  while (!is_refused) {
    try {
      b.receive_blocking<int>("wanted");
      FAIL();
    } catch (const coproc::QueueFullError& error) {
      is_refused = true;
      EXPECT_NE(std::string(error.what()).find("\"crowd\""), std::string::npos) << error.what();
    }
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(b.receive_blocking<std::string>("crowd").size(), 500u);
  EXPECT_EQ(b.receive_blocking<int>("wanted"), 1);
  sender.join();
}
