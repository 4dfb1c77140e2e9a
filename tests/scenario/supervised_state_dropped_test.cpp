// A state by which workers end, one after the other, is dropped; and which ends are not taken for its fault.
#include <gmock/gmock.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <cstddef>
#include <optional>

#include "scenario/saved_states.hpp"

using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::this_worker::restored;
using testing::HasSubstr;

namespace {

/// Answers by the state that it was given, without a word of its own: an answer is what keeps a state.
void answer_by_state(PriorityMessenger& host, Shared&) {
  for (;;) {
    (void)host.receive_blocking();
    host.send_reply(restored<int>().value_or(-1));
  }
}

}  // namespace

TEST(SupervisedStateDropped, OneThatKillsTwice) {
  Lives lives({save_and_die(5), just_die, just_die, tell});
  EXPECT_EQ(said(lives), "nothing");
  const auto history = lives->history();
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[1].state_bytes, sizeof(int));
  EXPECT_FALSE(history[1].state_dropped);
  EXPECT_EQ(history[2].state_bytes, std::nullopt);
  EXPECT_TRUE(history[2].state_dropped);
  EXPECT_THAT(history[2].describe(), HasSubstr("without the state by which workers have ended"));
}

TEST(SupervisedStateDropped, NotOneThatKillsOnce) {
  Lives lives({save_and_die(5), just_die, tell});
  EXPECT_EQ(said(lives), "5");
}

TEST(SupervisedStateDropped, OneThatKillsAsOftenAsItIsSaved) {
  Lives lives({save_and_die(5), just_die, save_and_die(6), just_die, just_die, save_and_die(7), tell});
  EXPECT_EQ(said(lives), "7");
  const auto history = lives->history();
  ASSERT_EQ(history.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(history[i].state_dropped, i == 4) << i;
}

TEST(SupervisedStateDropped, NotOneWhoseWorkerHasAnswered) {
  Lives lives({save_and_die(5), answer_by_state});
  for (int i = 0; i < 6; ++i) {
    const RequestId id = lives.messenger().send_request(i);
    const RequestId other = lives.messenger().send_request(i);
    EXPECT_EQ(lives.messenger().receive_reply<int>(i % 2 == 0 ? id : other), 5);  // the other one is in the inbox
    lives->kill();
    wait_for_end(*lives.operator->());
    EXPECT_EQ(lives.messenger().receive_reply<int>(i % 2 == 0 ? other : id), 5);
  }
  for (const Restart& restart : lives->history()) EXPECT_FALSE(restart.state_dropped);
}

TEST(SupervisedStateDropped, AlsoOneWhoseRequestsFail) {
  // A request that fails for its attempts is received like an answer, but no worker has answered.
  const auto receive_and_die = [](PriorityMessenger& host, Shared&) {
    (void)host.receive_blocking();
    die();
  };
  RestartOptions options = resending();
  options.attempts = 1;
  Lives lives({save_and_die(5), receive_and_die, receive_and_die, tell}, options);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THROW((void)lives.messenger().receive_reply<int>(lives.messenger().send_request(i)),
                 coproc::RequestAttemptsError);
  }
  EXPECT_EQ(said(lives), "nothing");
}
