// Supervised workers that hang: they are ended, with what they were doing, and the path of every end follows. Workers
// that only seem to hang are not.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <chrono>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "os/sanitizer.hpp"
#include "scenario/hangs.hpp"
#include "scenario/supervised_worker.hpp"
#include "support/process.hpp"

using namespace hangs;
using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::Hang;
using coproc::HealthOptions;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::RestartOptions;
using coproc::Supervised;
using coproc::WorkerDiedError;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

/// Answers each text by itself, and hangs at some.
void hang(PriorityMessenger& host) {
  for (;;) {
    const auto how = host.receive_blocking<std::string>();
    if (how == "spin") spin_on();
    if (how == "tell and spin") host.send_norequest(std::string("told")), spin_on();
    if (how == "lock") wait_for_a_lock();
    if (how == "sleep") sleep_on();
    if (how == "read") read_on();
    if (how == "receive") receive_on(host);
    if (how == "pair") {
      auto [here, there] = PriorityMessenger::new_pair();
      receive_on(here);
    }
    if (how == "stop") ::raise(SIGSTOP);
    if (how == "a while") std::this_thread::sleep_for(600ms);
    if (how == "deaf") ::signal(SIGTERM, SIG_IGN), spin_on();
    if (how == "polite") ::signal(SIGTERM, [](int) { ::_exit(0); }), spin_on();
    if (how == "beat") {
      for (int i = 1; i <= 17; ++i) coproc::this_worker::beat("chunk " + std::to_string(i));
      spin_on();
    }
    if (how == "much") {
      for (int i = 0; i != 1000; ++i) host.send_norequest(std::string(100, 'x'), "much");
    }
    host.send_reply(how);
  }
}

/// Short limits are for workers that hang, or that must not be taken for hung however short the limits are.
HealthOptions all(std::chrono::nanoseconds time) { return {.unread = time, .reply = time, .beat = time}; }

RestartOptions with(const HealthOptions& health) {
  RestartOptions options = at_once();
  options.health = health;
  return options;
}

/// The end that this request leads to.
template <class S>
ExitStatus end_of(S& worker, const std::string& how) {
  const RequestId id = worker.messenger().send_request(how);
  try {
    (void)worker.messenger().template receive_reply<std::string>(id);
  } catch (const WorkerDiedError& died) {
    return died.exit_status();
  }
  ADD_FAILURE() << how << ": a reply";
  return {};
}

template <class S>
void expect_answer(S& worker, const std::string& text = "well") {
  EXPECT_EQ(worker.messenger().template receive_reply<std::string>(worker.messenger().send_request(text)), text);
}

/// What the host does while it waits for nothing that comes.
template <class S>
void expect_no_end(S& worker, std::chrono::nanoseconds time) {
  const int pid = worker.pid();
  EXPECT_EQ(worker.messenger().template receive_for<std::string>("nothing comes here", time), std::nullopt);
  EXPECT_EQ(worker.pid(), pid);
  EXPECT_TRUE(worker.is_alive());
  EXPECT_THAT(worker.history(), IsEmpty());
}

}  // namespace

TEST(SupervisedHealth, AWorkerThatHangsIsEndedWithWhatItWasDoing) {
  struct Way {
    const char *how, *function, *doing;
  };
  const Way ways[] = {{"spin", "spin_on", "running"},
                      {"lock", "wait_for_a_lock", "blocked in futex"},
                      {"sleep", "sleep_on", "blocked in clock_nanosleep"},
                      {"read", "read_on", "blocked in read"},
                      {"receive", "receive_on", "blocked in p"},  // poll or ppoll
                      {"pair", "receive_on", "blocked in p"}};
  Supervised worker{&hang, {.name = "hangs"}, with({.reply = 200ms})};
  worker.start();
  for (const auto& [how, function, doing] : ways) {
    SCOPED_TRACE(how);
    for (;;) {
      const ExitStatus status = end_of(worker, how);
      ASSERT_TRUE(status.hung) << status.describe();
      EXPECT_EQ(status.hung->why, Hang::Why::reply);
      EXPECT_GE(status.hung->time, 200ms);
      EXPECT_TRUE(status.signalled());
      EXPECT_THAT(status.describe(), HasSubstr("since a request had been in hand for "));
      expect_answer(worker);
      // Sanitizers keep signals back. Elsewhere it may not yet have come so far, if others have its processor.
      const bool is_told = testing::Value(status.stack, Contains(HasSubstr(function))) &&
                           testing::Value(status.hung->doing, HasSubstr(doing));
      if (coproc::os::kHasSanitizer) break;
      if (!is_told) continue;
      EXPECT_THAT(status.describe(), HasSubstr(std::string("; it was ") + doing));
      EXPECT_THAT(status.describe(), HasSubstr(std::string(", in ")));
      EXPECT_THAT(status.describe(), HasSubstr(function));
      EXPECT_THAT(status.report(), HasSubstr(function));
      break;
    }
  }
}

TEST(SupervisedHealth, ThatItReadsNothingIsSeenByAReceiveAndByASendThatWaitsForRoom) {
  Supervised worker{&hang, {.link = {.ring_bytes = 4096}}, with({.unread = 200ms})};
  worker.start();
  for (const bool by_send : {false, true}) {
    worker.messenger().send_norequest("tell and spin");
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "told");  // it has read everything
    worker.messenger().send_norequest("never read");
    try {
      if (by_send) {
        for (;;) worker.messenger().send_norequest(std::string(100, 'x'));
      }
      (void)worker.messenger().receive_blocking<std::string>();
      ADD_FAILURE() << "a message";
    } catch (const WorkerDiedError& died) {
      ASSERT_TRUE(died.exit_status().hung) << died.what();
      EXPECT_EQ(died.exit_status().hung->why, Hang::Why::unread);
      EXPECT_THAT(died.what(), HasSubstr("it had not read what was there for it for "));
    }
    expect_answer(worker);
  }
}

TEST(SupervisedHealth, AWorkerThatDoesNotBeatAnyMoreIsEnded_AndItsLastNoteIsTold) {
  Supervised worker{&hang, {}, with({.beat = 200ms})};
  worker.start();
  const ExitStatus status = end_of(worker, "beat");
  ASSERT_TRUE(status.hung) << status.describe();
  EXPECT_EQ(status.hung->why, Hang::Why::beat);
  EXPECT_EQ(status.hung->note, "chunk 17");
  EXPECT_THAT(status.describe(), HasSubstr("since it had not called beat() for "));
  EXPECT_THAT(status.describe(), HasSubstr("its last beat being \"chunk 17\""));
}

TEST(SupervisedHealth, AWorkerThatHeedsNoSignalIsKilled) {
  Supervised worker{&hang, {}, with({.reply = 200ms})};
  worker.start();
  const ExitStatus status = end_of(worker, "deaf");
  ASSERT_TRUE(status.hung) << status.describe();
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_THAT(status.describe(), testing::StartsWith("was killed by SIGKILL since a request had been in hand"));
  expect_answer(worker);
}

TEST(SupervisedHealth, AWorkerThatThenExitsWell_IsStartedAgainAllTheSame) {
  Supervised worker{&hang, {}, with({.reply = 200ms})};
  worker.start();
  const ExitStatus status = end_of(worker, "polite");
  ASSERT_TRUE(status.hung) << status.describe();
  EXPECT_EQ(status.code(), 0);
  EXPECT_THAT(status.describe(), testing::StartsWith("exited with code 0; coproc ended it since a request"));
  expect_answer(worker);
}

TEST(SupervisedHealth, WithoutStackItIsNotAsked) {
  Supervised worker{&hang, {}, with({.reply = 200ms, .stack = false})};
  worker.start();
  const ExitStatus status = end_of(worker, "spin");
  ASSERT_TRUE(status.hung) << status.describe();
  EXPECT_THAT(status.stack, IsEmpty());
  EXPECT_EQ(status.hung->doing, "running");
}

TEST(SupervisedHealth, ARequestThatHangsTwiceFailsAlone) {
  RestartOptions options = with({.reply = 200ms});
  options.pending = Pending::resend;
  Supervised worker{&hang, {}, options};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  const RequestId first = messenger.send_request("one"), poison = messenger.send_request("spin"),
                  last = messenger.send_request("two");
  EXPECT_EQ(messenger.receive_reply<std::string>(last), "two");
  EXPECT_EQ(messenger.receive_reply<std::string>(first), "one");
  try {
    (void)messenger.receive_reply<std::string>(poison);
    ADD_FAILURE() << "a reply";
  } catch (const coproc::RequestAttemptsError& failed) {
    ASSERT_EQ(failed.statuses().size(), 2U);
    for (const ExitStatus& status : failed.statuses()) EXPECT_TRUE(status.hung) << status.describe();
  }
  EXPECT_EQ(worker.history().size(), 2U);
}

// ---- by looks alone ----

TEST(SupervisedHealth, AProgramThatWaitsElsewhereLooks) {
  Supervised worker{&hang, {}, with({.reply = 200ms})};
  EXPECT_EQ(worker.look(), std::chrono::nanoseconds::max());  // it was never started
  worker.start();
  const int pid = worker.pid();
  const RequestId id = worker.messenger().send_request("spin");
  try {
    for (;;) {
      const auto next = worker.look();
      EXPECT_LE(next, 50ms);
      std::this_thread::sleep_for(next);
    }
  } catch (const WorkerDiedError& died) {
    EXPECT_TRUE(died.exit_status().hung) << died.what();
  }
  EXPECT_NE(worker.pid(), pid);
  EXPECT_LE(worker.look(), 50ms);  // it is told once
  EXPECT_THROW((void)worker.messenger().receive_reply<std::string>(id), WorkerDiedError);
  expect_answer(worker);
  worker.stop();
}

TEST(SupervisedHealth, ALookStartsAnotherWorkerWhenThatIsDue_AndTellsWhen) {
  RestartOptions options{.backoff = {.first = 300ms, .spread = 0}};
  options.pending = Pending::resend;
  Supervised worker{&hang, {}, options};
  worker.start();
  EXPECT_EQ(worker.look(), std::chrono::nanoseconds::max());  // without limits there is nothing to look at
  const int pid = worker.pid();
  const RequestId id = worker.messenger().send_request("well");
  worker.kill();
  wait_for_end(worker);
  while (worker.pid() == pid) {
    const auto next = worker.look();
    EXPECT_TRUE(worker.pid() != pid || next <= 300ms) << next.count();
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(worker.messenger().receive_reply<std::string>(id), "well");
}

TEST(SupervisedHealth, ALookTellsOfAFinalEndOnce) {
  Supervised worker{&hang, {}, {.when = coproc::RestartWhen::never, .health = {.reply = 1s}}};
  worker.start();
  worker.kill();
  wait_for_end(worker);
  EXPECT_THROW((void)worker.look(), WorkerDiedError);
  EXPECT_EQ(worker.look(), std::chrono::nanoseconds::max());  // there is nothing to look at any more
}

TEST(SupervisedHealth, AtTheLimitOfRestartsAlsoCallsThatDoNotWaitThrow) {
  Supervised worker{&hang, {}, {.most = 0}};
  worker.start();
  worker.kill();
  EXPECT_THROW((void)worker.messenger().receive_blocking(), coproc::RestartLimitError);
  EXPECT_THROW((void)worker.messenger().available(), coproc::RestartLimitError);
  EXPECT_THROW((void)worker.look(), coproc::RestartLimitError);
}

// ---- what does not hang ----

TEST(SupervisedHealth, AnIdleWorkerIsNotEnded_HoweverShortTheLimits) {
  Supervised worker{+[](PriorityMessenger& host) {
                      coproc::this_worker::beat("ready");
                      host.send_norequest("ready");
                      hang(host);
                    },
                    {},
                    with(all(1ns))};
  worker.start();
  // The first look comes when it waits for messages, since until then it may well hang.
  coproc::Messenger* const messenger = &worker.messenger();
  EXPECT_EQ(coproc::wait_any({&messenger, 1}), 0U);
  while (support::state_of(worker.pid()) != 'S') std::this_thread::yield();
  expect_no_end(worker, 1s);
}

TEST(SupervisedHealth, AWorkerThatIsStoppedIsNotEnded) {
  Supervised worker{&hang, {}, with(all(500ms))};
  worker.start();
  const RequestId id = worker.messenger().send_request("stop");
  worker.messenger().send_norequest("never mind");
  while (support::state_of(worker.pid()) != 'T') std::this_thread::yield();
  expect_no_end(worker, 2s);
  ::kill(worker.pid(), SIGCONT);
  EXPECT_EQ(worker.messenger().receive_reply<std::string>(id), "stop");
}

TEST(SupervisedHealth, AWorkerThatIsTracedIsNotEnded_ButWhenItIsNotAnyMore) {
  Supervised worker{&hang, {}, with({.reply = 500ms})};
  worker.start();
  const int pid = worker.pid();
  const support::Pipe told;
  struct Debugger {
    const pid_t pid = ::fork();
    void end() {
      ::kill(pid, SIGKILL);
      is_there = ::waitpid(pid, nullptr, 0) < 0;
    }
    bool is_there = true;
    ~Debugger() {
      if (is_there) end();
    }
  } debugger;
  if (debugger.pid == 0) {
    told.write(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0);
    for (;;) ::pause();
  }
  const bool is_traced = told.read<bool>();
  const RequestId id = worker.messenger().send_request("spin");
  if (is_traced) expect_no_end(worker, 2s);
  debugger.end();
  try {
    (void)worker.messenger().receive_reply<std::string>(id);
    ADD_FAILURE() << "a reply";
  } catch (const WorkerDiedError& died) {
    EXPECT_TRUE(died.exit_status().hung) << died.what();
  }
  if (!is_traced) GTEST_SKIP() << "this system lets no process trace another";
}

TEST(SupervisedHealth, AWorkerThatAnswersSlowlyIsNotEnded) {
  Supervised worker{&hang, {}, with({.reply = 60s, .beat = 40ms})};  // it never beats, and is looked at every 10 ms
  worker.start();
  expect_answer(worker, "a while");
  EXPECT_THAT(worker.history(), IsEmpty());
}

TEST(SupervisedHealth, AWorkerThatHasReadEverythingHasNothingUnread) {
  for (const std::size_t ring : {std::size_t{4096}, std::size_t{1} << 20}) {
    Supervised worker{&hang, {.link = {.ring_bytes = ring}}, with({.unread = 200ms})};
    worker.start();
    worker.messenger().send_norequest("a while");  // much longer than the limit
    while (worker.messenger().receive_blocking<std::string>() != "a while") {}
    EXPECT_THAT(worker.history(), IsEmpty());
  }
}

TEST(SupervisedHealth, AWorkerWhoseHostDoesNotReadIsNotEnded) {
  Supervised worker{&hang, {.link = {.ring_bytes = 4096}}, with(all(500ms))};
  worker.start();
  const RequestId id = worker.messenger().send_request("much");
  worker.messenger().send_norequest("never mind");
  const auto end = std::chrono::steady_clock::now() + 2s;
  while (std::chrono::steady_clock::now() < end) {
    worker.look();
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_TRUE(worker.is_alive());
  EXPECT_THAT(worker.history(), IsEmpty());
  for (int i = 0; i != 1000; ++i) {
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>("much"), std::string(100, 'x'));
  }
  EXPECT_EQ(worker.messenger().receive_reply<std::string>(id), "much");
}

TEST(SupervisedHealth, ALookEmptiesTheStderrThatAWorkerWaitsFor) {
  const support::Pipe told;
  Supervised worker{[&](PriorityMessenger&) {
                      const std::string text(1 << 16, 'x');
                      for (int i = 0; i != 100; ++i) (void)!::write(STDERR_FILENO, text.data(), text.size());
                      told.write('!');
                    },
                    {.method = coproc::StartMethod::fork, .capture_stderr = true},
                    {.when = coproc::RestartWhen::never, .health = {.reply = 60s}}};
  worker.start();
  pollfd end{told.read_fd(), POLLIN, 0};
  while (::poll(&end, 1, 1) == 0) {
    try {
      worker.look();
    } catch (const WorkerDiedError&) {
      // It was quick.
    }
  }
  EXPECT_EQ(told.read<char>(), '!');
}

TEST(SupervisedHealth, LargeMessagesTravelWholeWhileItIsLookedAt) {
  Supervised worker{+[](PriorityMessenger& host) {
                      for (;;) host.send_reply(host.receive_blocking<std::vector<int>>());
                    },
                    {.link = {.ring_bytes = 4096, .automatic_loans = false}},
                    with(all(60s))};
  worker.start();
  std::vector<int> values(1'000'000);
  std::iota(values.begin(), values.end(), 7);
  for (int i = 0; i != 3; ++i) {
    const RequestId id = worker.messenger().send_request(values);
    EXPECT_EQ(worker.messenger().receive_reply<std::vector<int>>(id), values);
  }
}

TEST(SupervisedHealth, StopsAndTimesGoOnWhileItIsLookedAt) {
  Supervised worker{&hang, {}, with(all(60s))};
  worker.start();
  EXPECT_THROW((void)worker.messenger().receive_reply<std::string>(worker.messenger().send_request("sleep"), 50ms),
               coproc::TimeoutError);
  worker.messenger().interrupt();
  EXPECT_THROW((void)worker.messenger().receive_blocking<std::string>(), coproc::InterruptedError);
  std::thread other([&] { worker.stop({.close = 0s}); });
  EXPECT_THROW((void)worker.messenger().receive_blocking<std::string>(), WorkerDiedError);
  other.join();
  EXPECT_FALSE(worker.exit_status()->hung);
}

TEST(SupervisedHealth, CallsThatOnlyLookFindIt) {
  Supervised worker{&hang, {}, with({.reply = 100ms})};
  worker.start();
  (void)worker.messenger().send_request(std::string("spin"));
  EXPECT_THROW(for (;; std::this_thread::sleep_for(1ms))(void) worker.messenger().available(), WorkerDiedError);
  (void)worker.messenger().send_request(std::string("spin"));
  for (; worker.is_alive(); std::this_thread::sleep_for(1ms)) {
    EXPECT_THAT(worker.messenger().receive_available(), IsEmpty());
  }
  EXPECT_THROW((void)worker.messenger().receive_for(0s), WorkerDiedError);
  EXPECT_EQ(worker.history().size(), 2U);
}

TEST(SupervisedHealth, LimitsThatCannotWorkAreRefused) {
  EXPECT_THROW((Supervised{&hang, {}, with({.reply = 0s})}), coproc::InvalidArgumentError);
}
