// Stopping takes a bounded time, whatever the worker does: promise 3's hard cases.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "support/descendants.hpp"

using namespace std::chrono_literals;
using namespace std::string_literals;
using coproc::ExitStatus;
using coproc::PriorityMessenger;
using coproc::StopRung;
using coproc::WorkerResource;

namespace {

/// Stops itself by SIGSTOP; afterwards it listens to nothing.
void stops_itself(PriorityMessenger&, bool ignores_sigterm) {
  if (ignores_sigterm) ::signal(SIGTERM, SIG_IGN);
  ::raise(SIGSTOP);
  while (true) ::pause();
}

void listens(PriorityMessenger& host) {
  while (true) (void)host.receive_blocking<std::string>();
}

/// Ignores SIGTERM, says so, and never receives.
void ignores_everything(PriorityMessenger& host) {
  ::signal(SIGTERM, SIG_IGN);
  host.send_norequest(1);
  while (true) ::pause();
}

bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0; }

}  // namespace

TEST(Promises, promise_03_a_worker_stopped_by_sigstop_meets_the_next_rung) {
  WorkerResource worker{stops_itself};
  worker.start(false);
  support::wait_until_stopped(worker.pid());
  const ExitStatus terminated = worker.stop({.close = 20ms, .terminate = coproc::kForever});
  EXPECT_EQ(terminated.signal(), SIGTERM);
  EXPECT_EQ(terminated.stopped_by, StopRung::terminate);

  worker.start(true);
  support::wait_until_stopped(worker.pid());
  const ExitStatus killed = worker.stop({.close = 1ms, .terminate = 20ms, .kill = coproc::kForever});
  EXPECT_EQ(killed.signal(), SIGKILL);
  EXPECT_EQ(killed.stopped_by, StopRung::kill);
}

TEST(Promises, promise_03_terminate_ends_a_worker_stopped_by_sigstop) {
  WorkerResource worker{stops_itself};
  worker.start(false);
  support::wait_until_stopped(worker.pid());
  worker.terminate();
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGTERM);
  EXPECT_EQ(status.stopped_by, StopRung::terminate);
}

TEST(Promises, promise_03_the_destructor_ends_a_worker_stopped_by_sigstop) {
  pid_t pid = 0;
  {
    WorkerResource worker{stops_itself, {.stop = {.close = 1ms, .terminate = 1ms}}};
    worker.start(true);
    pid = worker.pid();
    support::wait_until_stopped(pid);
  }
  EXPECT_TRUE(is_gone(pid));
}

TEST(Promises, promise_03_the_destructor_drains_a_worker_that_is_blocked_in_a_send) {
  const support::PidPipe at_its_end;
  {
    WorkerResource worker{[&at_its_end](PriorityMessenger& host) {
                            for (int i = 0; i < 1000; ++i) host.send_norequest(std::string(1000, 'x'));
                            at_its_end.write(::getpid());
                          },
                          {.stop = {.close = coproc::kForever}}};
    worker.start();
  }
  EXPECT_GT(at_its_end.read(), 0);
}

TEST(Promises, promise_03_join_and_terminate_drain_a_worker_that_is_blocked_in_a_send) {
  WorkerResource worker{[](PriorityMessenger& host, bool ignores_sigterm) {
    if (ignores_sigterm) ::signal(SIGTERM, SIG_IGN);
    host.send_norequest(1, "ready");
    for (int i = 0; i < 1000; ++i) host.send_norequest(std::string(1000, 'x'));
  }};
  worker.start(false);
  EXPECT_TRUE(worker.join().success());
  EXPECT_EQ(worker.messenger().receive_available<std::string>().size(), 1000u);
  worker.start(true);
  EXPECT_EQ(worker.messenger().receive_blocking<int>("ready"), 1);
  while (worker.is_alive()) {  // one that ignores it gets on by what each call drains
    worker.terminate();
    std::this_thread::yield();
  }
  worker.join();
  EXPECT_EQ(worker.messenger().receive_available<std::string>().size(), 1000u);
}

TEST(Promises, promise_03_a_worker_that_sends_for_ever_and_swallows_everything_is_stopped) {
  WorkerResource worker{[](PriorityMessenger& host) {
    while (true) {
      try {
        host.send_norequest(std::string(1000, 'x'));
      } catch (...) {  // the close request, too
      }
    }
  }};
  worker.start();
  (void)worker.messenger().receive_blocking<std::string>();
  const ExitStatus status = worker.stop({.close = 10ms, .terminate = coproc::kForever});
  EXPECT_EQ(status.signal(), SIGTERM);
  EXPECT_FALSE(worker.messenger().receive_available<std::string>().empty());
}

TEST(Promises, promise_03_a_full_ring_does_not_keep_a_worker_from_being_stopped) {
  WorkerResource worker{ignores_everything};
  worker.start();
  (void)worker.messenger().receive_blocking<int>();
  while (worker.messenger().try_send(std::string(1000, 'x'))) {}
  const ExitStatus status = worker.stop({.close = 1ms, .terminate = 1ms, .kill = coproc::kForever});
  EXPECT_EQ(status.stopped_by, StopRung::kill);
}

TEST(Promises, promise_03_times_may_be_zero_or_for_ever) {
  WorkerResource worker{listens};
  worker.start();
  const ExitStatus at_once = worker.stop({.close = 0s, .terminate = 0s, .kill = coproc::kForever});
  EXPECT_TRUE(at_once.exited() || at_once.signalled()) << at_once.describe();
  EXPECT_NE(at_once.stopped_by, StopRung::none);

  worker.start();
  const ExitStatus asked = worker.stop({.close = coproc::kForever, .terminate = 0s, .kill = 0s});
  EXPECT_TRUE(asked.success());
  EXPECT_EQ(asked.stopped_by, StopRung::close_request);

  WorkerResource deaf{ignores_everything};
  deaf.start();
  (void)deaf.messenger().receive_blocking<int>();
  const ExitStatus not_waited_for = deaf.stop({.close = 0s, .terminate = 0s, .kill = 0s});
  EXPECT_TRUE(std::holds_alternative<coproc::NotYetEnded>(not_waited_for.end) || not_waited_for.signal() == SIGKILL);
  EXPECT_EQ(deaf.join().stopped_by, StopRung::kill);
}

TEST(Promises, promise_03_two_threads_may_stop_one_worker) {
  for (int round = 0; round < 20; ++round) {
    WorkerResource worker{ignores_everything};
    worker.start();
    (void)worker.messenger().receive_blocking<int>();
    const coproc::StopOptions quickly{.close = 1ms, .terminate = 1ms, .kill = coproc::kForever};
    ExitStatus other;
    std::thread second([&] { other = worker.stop(quickly); });
    const ExitStatus status = worker.stop(quickly);
    second.join();
    for (const ExitStatus& one : {status, other}) {
      EXPECT_EQ(one.signal(), SIGKILL);
      EXPECT_EQ(one.stopped_by, StopRung::kill);
    }
  }
}

TEST(Promises, promise_03_a_send_that_waits_ends_when_another_thread_stops_the_worker) {
  WorkerResource worker{ignores_everything};
  worker.start();
  (void)worker.messenger().receive_blocking<int>();
  std::atomic<bool> is_sending{false};
  std::thread stopper([&] {
    while (!is_sending) std::this_thread::yield();
    worker.stop({.close = 1ms, .terminate = 1ms, .kill = coproc::kForever});
  });
  EXPECT_THROW(for (;; is_sending = true) worker.messenger().send_norequest(std::string(1000, 'x')),
               coproc::WorkerDiedError);
  stopper.join();
}

TEST(Promises, promise_03_no_worker_stops_itself) {
  const coproc::Worker* self = nullptr;
  WorkerResource worker{[&self](PriorityMessenger& host) {
    for (const bool first : {true, false}) {
      try {
        auto& own = const_cast<coproc::Worker&>(*self);
        first ? (void)own.stop() : own.kill();
        host.send_norequest("it went on"s);
      } catch (const coproc::NotOwnerError& error) {
        host.send_norequest(std::string("refused"));
      } catch (const coproc::Error& error) {
        host.send_norequest(std::string(error.what()));
      }
    }
  }};
  self = &worker;
  for (int run = 0; run < 2; ++run) {
    worker.start();
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "refused");
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "refused");
    EXPECT_TRUE(worker.join().success());
  }
}

TEST(Promises, promise_03_a_worker_in_a_vfork_that_does_not_end_is_killed) {
  // Such a process runs no handler and acts on nothing but its death, like one that waits for a disk.
  const support::Subreaper sees_the_orphan;
  const support::PidPipe pids;
  WorkerResource worker{[&pids](PriorityMessenger&) {
                          ::signal(SIGTERM, [](int) { ::_exit(0); });
                          if (::vfork() == 0) {
                            pids.write(::getpid());
                            for (;;) ::pause();
                          }
                        },
                        {.kill_descendants = true}};
  worker.start();
  const pid_t orphan = pids.read();
  const ExitStatus status = worker.stop({.close = 1ms, .terminate = 50ms, .kill = coproc::kForever});
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_EQ(status.stopped_by, StopRung::kill);
  EXPECT_EQ(support::signal_that_ended(orphan), SIGKILL);
}

TEST(Promises, promise_03_a_worker_that_cannot_be_reaped_at_once_is_a_result_of_its_own) {
  WorkerResource worker{ignores_everything};
  worker.start();
  (void)worker.messenger().receive_blocking<int>();
  // A tracer that does not look after its tracee holds its end back.
  const support::PidPipe ready;
  const pid_t traced = worker.pid();
  const pid_t tracer = ::fork();
  if (tracer == 0) {
    const bool has_it = ::ptrace(PTRACE_SEIZE, traced, nullptr, nullptr) == 0;
    ready.write(has_it ? 1 : 0);
    for (;;) ::pause();
  }
  const bool is_traced = ready.read() == 1;
  if (is_traced) {
    const coproc::StopOptions quickly{.close = 1ms, .terminate = 1ms, .kill = 20ms};
    EXPECT_TRUE(std::holds_alternative<coproc::NotYetEnded>(worker.stop(quickly).end));
    EXPECT_THROW(worker.messenger().receive_blocking(), coproc::WorkerDiedError);
    EXPECT_EQ(worker.join_for(5ms), std::nullopt);
  }
  ::kill(tracer, SIGKILL);
  ::waitpid(tracer, nullptr, 0);
  if (!is_traced) GTEST_SKIP() << "ptrace is not allowed here";
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_EQ(status.stopped_by, StopRung::kill);
}
