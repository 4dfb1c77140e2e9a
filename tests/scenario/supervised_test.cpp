// Workers that are started again: who is told what, and what becomes of each message.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "scenario/supervised_worker.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::NoRequestError;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::Restart;
using coproc::RestartOptions;
using coproc::RestartWhen;
using coproc::Supervised;
using coproc::WorkerDiedError;
using testing::ElementsAre;

TEST(Supervised, AReceiveThatFindsItsWorkerDeadStartsAnotherAndThrowsOnce) {
  Supervised worker{&tenfold, {.name = "tenfold"}, at_once()};
  worker.start();
  auto* const messenger = &worker.messenger();
  const int pid = worker.pid();
  messenger->send_norequest(kExits);
  try {
    (void)messenger->receive_blocking<int>();
    FAIL() << "an answer from nobody";
  } catch (const WorkerDiedError& died) {
    EXPECT_EQ(died.pid(), pid);
    EXPECT_EQ(died.exit_status().code(), 3);
  }
  EXPECT_TRUE(worker.is_alive());
  EXPECT_NE(worker.pid(), pid);
  EXPECT_EQ(&worker.messenger(), messenger);
  EXPECT_EQ(answer(worker, 4), 40);
  const std::vector<Restart> history = worker.history();
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].number, 1U);
  EXPECT_EQ(history[0].pid_before, pid);
  EXPECT_EQ(history[0].pid, worker.pid());
  EXPECT_EQ(history[0].status.code(), 3);
}

TEST(Supervised, ASendThatFindsItsWorkerDeadStartsAnotherAndThrowsOnce) {
  Supervised worker{&tenfold, {}, at_once()};
  worker.start();
  worker.kill();
  wait_for_end(worker);
  send_until_told(worker.messenger());
  EXPECT_TRUE(worker.is_alive());
  EXPECT_EQ(answer(worker, 4), 40);
  EXPECT_EQ(worker.history().size(), 1U);
}

// ---- what becomes of requests ----

TEST(Supervised, EachRequestThatFailsIsToldOnceByItsReceive) {
  Supervised worker{&tenfold, {}, at_once()};
  worker.start();
  const int pid = worker.pid();
  PriorityMessenger& messenger = worker.messenger();
  const auto ids = messenger.send_request_multiple({1, kExits, 2, 3, 4});
  EXPECT_EQ(messenger.receive_reply<int>(ids[0]), 10);
  EXPECT_THROW((void)messenger.receive_reply<int>(ids[1]), WorkerDiedError);
  EXPECT_THROW((void)messenger.receive_reply<int>(ids[1]), NoRequestError);
  EXPECT_EQ(messenger.remaining(), 0U);
  const auto next = messenger.send_request(5);
  try {
    (void)messenger.receive_reply<int>(ids[2]);
    FAIL() << "an answer from nobody";
  } catch (const WorkerDiedError& died) {
    EXPECT_EQ(died.pid(), pid);
    EXPECT_EQ(died.exit_status().code(), 3);
  }
  EXPECT_THROW((void)messenger.receive_reply<int>(ids[2]), NoRequestError);
  messenger.discard_reply(ids[3]);
  EXPECT_THROW((void)messenger.receive_reply<int>(ids[3]), NoRequestError);
  EXPECT_EQ(messenger.receive_reply<int>(next), 50);
  ASSERT_EQ(worker.history().size(), 1U);  // and not one more for each
  EXPECT_EQ(worker.history()[0].unanswered, 4U);

  // What nobody has asked for yet outlives the next restart, too.
  worker.kill();
  EXPECT_THROW((void)messenger.receive_blocking<int>(), WorkerDiedError);
  EXPECT_THROW((void)messenger.receive_reply<int>(ids[4]), WorkerDiedError);
  EXPECT_EQ(worker.history().size(), 2U);
}

TEST(Supervised, RequestsThatAreDroppedAreCountedAndForgotten) {
  RestartOptions options = at_once();
  options.pending = Pending::drop;
  Supervised worker{&tenfold, {}, options};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  const auto ids = messenger.send_request_multiple({kExits, 2, 3});
  EXPECT_THROW((void)messenger.receive_reply<int>(ids[0]), WorkerDiedError);
  EXPECT_THROW((void)messenger.receive_reply<int>(ids[1]), NoRequestError);
  EXPECT_THROW(messenger.discard_reply(ids[2]), NoRequestError);
  EXPECT_EQ(messenger.remaining(), 0U);
  EXPECT_EQ(worker.history().at(0).unanswered, 3U);
  EXPECT_EQ(answer(worker, 4), 40);
}

TEST(Supervised, ACallThatAborts_OneInAThousand_FailsAlone) {
  struct Poison {
    static void run(PriorityMessenger& host) {
      ::prctl(PR_SET_DUMPABLE, 0);  // no core file
      for (;;) {
        const int value = host.receive_blocking<int>();
        if (value == 500) std::abort();
        host.send_reply(value);
      }
    }
  };
  Supervised worker{&Poison::run, {}, at_once()};
  worker.start();
  int answered = 0, failed = 0;
  for (int i = 0; i < 1000; ++i) {
    const RequestId id = worker.messenger().send_request(i);
    try {
      EXPECT_EQ(worker.messenger().receive_reply<int>(id), i);
      ++answered;
    } catch (const WorkerDiedError& died) {
      EXPECT_EQ(died.exit_status().signal(), SIGABRT);
      EXPECT_EQ(i, 500);
      ++failed;
    }
  }
  EXPECT_EQ(answered, 999);
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(worker.history().size(), 1U);
}

// ---- what becomes of what the worker had sent ----

namespace {

struct Urgent {
  std::string text;
  int priority = -1;
};

/// Says much in its first life, and answers in those that follow.
void say_much_and_end(PriorityMessenger& host) {
  if (host.receive_blocking<int>() != 1) return tenfold(host);
  host.send_norequest(std::string("one"), "log", {.priority = 5});
  host.send_norequest(std::string("two"), "log", {.priority = 5});
  host.send_norequest(Urgent{"three"}, "log");
  host.send_request(4, "questions");
  host.send_norequest(std::vector<int>(100'000, 5), "large");  // lent
  host.send_reply(10);
  (void)host.receive_blocking<int>();
  host.send_error(std::out_of_range("six"));
  ::_exit(3);
}

}  // namespace

TEST(Supervised, WhatADeadWorkerHasSentIsReceivedFromItsSuccessor) {
  Supervised worker{&say_much_and_end, {}, at_once()};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  const auto answered = messenger.send_request(1);
  const auto unanswered = messenger.send_request(2);
  wait_for_end(worker);
  send_until_told(messenger);
  EXPECT_TRUE(worker.is_alive());

  EXPECT_EQ(messenger.queued("log"), 3U);
  EXPECT_EQ(messenger.remaining(), 1U);
  EXPECT_THROW((void)messenger.receive_blocking<std::string>("log"), std::out_of_range);  // errors come first
  const auto urgent = messenger.receive_blocking<Message>("log");
  EXPECT_EQ(urgent.get<Urgent>().text, "three");
  auto one = messenger.receive_blocking<Message>("log");
  EXPECT_EQ(one.get<std::string>(), "one");
  messenger.put_back(std::move(one));
  EXPECT_EQ(messenger.receive_blocking<std::string>("log"), "one");
  EXPECT_THROW((void)messenger.receive_blocking<int>("log"), coproc::TypeMismatchError);
  EXPECT_EQ(messenger.receive_blocking<std::string>("log"), "two");
  EXPECT_EQ(messenger.receive_blocking<std::vector<int>>("large"), std::vector<int>(100'000, 5));
  const auto question = messenger.receive_blocking<Message>("questions");
  EXPECT_EQ(question.get<int>(), 4);
  EXPECT_FALSE(question.request_id().has_value());
  EXPECT_THROW(messenger.reply_to(question, 5), NoRequestError);  // whoever asked is dead
  EXPECT_EQ(messenger.receive_reply<int>(answered), 10);
  EXPECT_EQ(messenger.remaining(), 0U);
  EXPECT_THROW((void)messenger.receive_reply<int>(unanswered), WorkerDiedError);

  messenger.send_norequest(7);  // the successor answers from its second message on
  EXPECT_EQ(answer(worker, 8), 80);
  EXPECT_EQ(worker.history().size(), 1U);
}

TEST(Supervised, MessagesOnOtherChannelsOutliveAReceiveThatIsToldOfTheEnd) {
  struct Talker {
    static void run(PriorityMessenger& host) {
      for (int i = 0; i < 3; ++i) host.send_norequest(i, "log");
    }
  };
  RestartOptions options = at_once();
  options.when = RestartWhen::always;
  Supervised worker{&Talker::run, {}, options};
  worker.start();
  EXPECT_THROW((void)worker.messenger().receive_blocking<int>(), WorkerDiedError);
  EXPECT_THROW((void)worker.messenger().receive_blocking<int>(), WorkerDiedError);
  worker.stop();
  std::vector<int> log;
  EXPECT_THROW(for (;;) log.push_back(worker.messenger().receive_blocking<int>("log")), WorkerDiedError);
  EXPECT_THAT(log, ElementsAre(0, 1, 2, 0, 1, 2, 0, 1, 2));
}

TEST(Supervised, TheOrderOfMessagesOnSeveralChannelsOutlivesARestart) {
  struct Alternating {
    static void run(PriorityMessenger& host) {
      (void)host.receive_blocking<int>();
      for (int i = 0; i < 6; ++i) host.send_norequest(i, i % 2);
      ::_exit(3);
    }
  };
  Supervised worker{&Alternating::run, {}, at_once()};
  worker.start();
  worker.messenger().send_norequest(0);
  EXPECT_THROW((void)worker.messenger().receive_blocking<int>("nothing"), WorkerDiedError);
  std::vector<int> numbers;
  while (const auto message = worker.messenger().receive_any({0, 1}, 0s)) numbers.push_back(message->get<int>());
  EXPECT_THAT(numbers, ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(Supervised, AFullInboxLosesNothingAtARestart) {
  struct Flood {
    static void run(PriorityMessenger& host) {
      (void)host.receive_blocking<int>();
      for (int sent = 0;; ++sent) {
        if (!host.try_send(sent, "log")) ::_exit(sent);
      }
    }
  };
  Supervised worker{&Flood::run, {.link = {.ring_bytes = 4096, .max_queued_bytes = 2048}}, at_once()};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  messenger.send_norequest(0);
  wait_for_end(worker);
  EXPECT_EQ(messenger.available("nothing"), 0U);  // fills the inbox, and leaves the rest in the link
  const std::size_t queued = messenger.queued("log");
  send_until_told(messenger);
  const std::vector<int> log = messenger.receive_available<int>("log");
  EXPECT_GT(log.size(), queued);
  for (std::size_t i = 0; i < log.size(); ++i) EXPECT_EQ(log[i], static_cast<int>(i));
  EXPECT_EQ(worker.history().at(0).status.code(), static_cast<int>(log.size()));
}
