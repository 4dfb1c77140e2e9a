// Supervised workers that hang: they are ended, with what they were doing, and the path of every end follows.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <chrono>
#include <string>

#include "os/sanitizer.hpp"
#include "scenario/hanging_worker.hpp"

using namespace hangs;
using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::Hang;
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

TEST(SupervisedHealth, LimitsThatCannotWorkAreRefused) {
  EXPECT_THROW((Supervised{&hang, {}, with({.reply = 0s})}), coproc::InvalidArgumentError);
}
