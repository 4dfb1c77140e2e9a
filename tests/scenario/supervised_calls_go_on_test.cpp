// Pending::resend: a call that finds its worker dead goes on with the next one, and takes no more time for that.
#include <gmock/gmock.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include "scenario/lives.hpp"

using namespace std::chrono_literals;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::WorkerDiedError;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(SupervisedCallsGoOn, AReceiveGoesOnAndGetsTheAnswerOfTheNextWorker) {
  Lives cat({die_with(1), tenfold_counted});
  const RequestId id = cat.messenger().send_request(4);
  cat.shared().may_go_on = true;
  EXPECT_EQ(cat.messenger().receive_reply<int>(id), 40);
  const auto history = cat->history();
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].unanswered, 1U);
  EXPECT_EQ(history[0].resent, 1U);
  EXPECT_THAT(history[0].describe(), HasSubstr("left 1 request unanswered, sent again; worker "));
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id), coproc::NoRequestError);
}

TEST(SupervisedCallsGoOn, ASendGoesOnToTheNextWorker) {
  Lives cat({hoard, tenfold_counted});
  cat.kill_now();
  // A send may still find room in the link of a worker that has ended.
  for (int i = 0; cat->history().empty(); ++i) cat.messenger().send_norequest(i, "nobody listens here");
  EXPECT_EQ(answer(*cat.operator->(), 4), 40);
}

TEST(SupervisedCallsGoOn, ACallTakesNoMoreThanItsTimeOverAllWorkers) {
  Lives cat({die_with(1), hoard});
  const RequestId id = cat.messenger().send_request(4);
  cat.shared().may_go_on = true;
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id, 300ms), coproc::TimeoutError);
  EXPECT_EQ(cat.messenger().receive_for<int>(20ms), std::nullopt);
  EXPECT_EQ(cat->history().size(), 1U);
}

TEST(SupervisedCallsGoOn, ACallWhoseTimeIsOverBeforeTheBackoffGoesOnInTheNextOne) {
  RestartOptions options = resending();
  options.most = 5;
  options.backoff = {.first = 300ms, .then = 300ms};
  Lives cat({die_with(1), tenfold_counted}, options);
  const RequestId id = cat.messenger().send_request(4);
  cat.shared().may_go_on = true;
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id, 30ms), coproc::TimeoutError);
  EXPECT_EQ(cat.messenger().receive_reply<int>(id), 40);
}

TEST(SupervisedCallsGoOn, StopEndsTheWaitForTheBackoff) {
  RestartOptions options{.most = 2, .within = 1000h, .backoff = {.first = 1h, .then = 1h, .most = 1h}};
  options.pending = Pending::resend;
  options.on_restart = [](const Restart&) { FAIL() << "it was started again"; };
  Lives cat({die_with(1)}, options);
  const RequestId id = cat.messenger().send_request(4);
  cat.shared().may_go_on = true;
  std::thread stopper([&] {
    wait_for_end(*cat.operator->());
    std::this_thread::sleep_for(20ms);
    cat->stop();
  });
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id), WorkerDiedError);
  stopper.join();
  EXPECT_FALSE(cat->is_alive());
}

TEST(SupervisedCallsGoOn, ManyRequestsOfOneCallGoOverSeveralWorkersOnceEach) {
  const auto die_after_ten = [](PriorityMessenger& host, Shared&) {
    for (int i = 0; i < 10; ++i) host.send_reply(host.receive_blocking<int>() * 10);
    die();
  };
  Lives cat({die_after_ten, die_after_ten, tenfold_counted}, resending(), 4096);
  const std::vector<int> values = numbers(1000);
  const auto ids = cat.messenger().send_request_multiple(values);
  ASSERT_EQ(ids.size(), 1000U);
  for (std::size_t i = 1; i < ids.size(); ++i) EXPECT_LT(ids[i - 1], ids[i]);
  EXPECT_THAT(failures_of(cat.messenger(), ids), ElementsAre());
  EXPECT_EQ(cat.messenger().remaining(), 0U);
}
