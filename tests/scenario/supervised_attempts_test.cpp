// Pending::resend: a request that ends its workers fails in the end, alone, by an error that tells all ends.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <utility>
#include <vector>

#include "scenario/lives.hpp"

using coproc::Message;
using coproc::PriorityMessenger;
using coproc::RequestAttemptsError;
using coproc::RequestId;
using coproc::RestartOptions;
using coproc::Supervised;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(SupervisedAttempts, OneInAThousandThatAbortsFailsAloneAfterTwoRestarts) {
  const auto run = [](PriorityMessenger& host, Shared&) {
    for (;;) {
      const int value = host.receive_blocking<int>();
      if (value == 500) die();
      host.send_reply(value * 10);
    }
  };
  Lives cat({run});
  const auto ids = cat.messenger().send_request_multiple(numbers(1000));
  EXPECT_THAT(failures_of<RequestAttemptsError>(cat.messenger(), ids), ElementsAre(500));
  const auto history = cat->history();
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].unanswered, 500U);
  EXPECT_EQ(history[0].resent, 500U);
  EXPECT_EQ(history[1].unanswered, 500U);
  EXPECT_EQ(history[1].resent, 499U);
  EXPECT_THAT(history[1].describe(), HasSubstr("left 500 requests unanswered, 499 of them sent again; worker "));
  EXPECT_EQ(cat.messenger().remaining(), 0U);
}

TEST(SupervisedAttempts, TheErrorTellsAllEndsAndComesInPlaceOfTheReply) {
  const auto run = [](PriorityMessenger& host, Shared& shared) {
    (void)host.receive_blocking("here");
    if (shared.lives == 1) ::_exit(3);
    die();
  };
  Lives cat({run, run, tenfold_counted});
  PriorityMessenger& messenger = cat.messenger();
  messenger.send_request(4, "here");
  try {
    (void)messenger.receive_blocking<int>("here");
    FAIL() << "an answer from nobody";
  } catch (const RequestAttemptsError& failed) {
    EXPECT_EQ(failed.pid(), cat->history().at(1).pid_before);
    EXPECT_EQ(failed.exit_status().signal(), SIGKILL);
    ASSERT_EQ(failed.statuses().size(), 2U);
    EXPECT_EQ(failed.statuses()[0].code(), 3);
    EXPECT_THAT(failed.what(), HasSubstr("the last of 2 attempts"));
    EXPECT_THAT(failed.what(), HasSubstr("exited with code 3"));
  }
  EXPECT_EQ(messenger.remaining("here"), 0U);
  EXPECT_TRUE(cat->is_alive());
}

TEST(SupervisedAttempts, ALoopOverTheRemainingRepliesMeetsTheFailureAndEnds) {
  const auto run = [](PriorityMessenger& host, Shared&) {
    for (;;) {
      const int value = host.receive_blocking<int>();
      if (value == 2) die();
      host.send_reply(value);
    }
  };
  Lives cat({run});
  PriorityMessenger& messenger = cat.messenger();
  (void)messenger.send_request_multiple({0, 1, 2});
  std::vector<int> replies;
  const auto read_all = [&] {
    for (const int reply : messenger.receive_remaining<int>()) replies.push_back(reply);
  };
  EXPECT_THROW(read_all(), RequestAttemptsError);
  read_all();
  EXPECT_THAT(replies, ElementsAre(0, 1));
}

TEST(SupervisedAttempts, AFailureOutlivesRestartsAndCanBePutBack) {
  Lives cat({die_with(1), die_with(1), hoard, tenfold_counted});
  PriorityMessenger& messenger = cat.messenger();
  const RequestId id = messenger.send_request(4);
  cat.shared().may_go_on = true;
  while (cat->history().size() < 2) (void)messenger.available("nothing comes here");
  Message message = messenger.receive_blocking();
  EXPECT_THROW((void)message.get<int>(), RequestAttemptsError);
  messenger.put_back(std::move(message));
  cat.kill_now();
  while (cat->history().size() < 3) (void)messenger.available("nothing comes here");
  EXPECT_THROW((void)messenger.receive_reply<int>(id), RequestAttemptsError);
  EXPECT_THROW((void)messenger.receive_reply<int>(id), coproc::NoRequestError);
}

TEST(SupervisedAttempts, AStreamWhoseRequestEndsItsWorkersFails) {
  Lives cat({die_with(1), die_with(1), tenfold_counted});
  auto stream = cat.messenger().stream<int>(5);
  cat.shared().may_go_on = true;
  EXPECT_THROW((void)stream.next(), RequestAttemptsError);
  EXPECT_TRUE(stream.is_over());
  EXPECT_EQ(answer(*cat.operator->(), 7), 70);
}

TEST(SupervisedAttempts, AtLeastOneAttemptIsAskedFor) {
  RestartOptions options = resending();
  options.attempts = 0;
  EXPECT_THROW((Supervised{&tenfold, {}, options}), coproc::InvalidArgumentError);
}
