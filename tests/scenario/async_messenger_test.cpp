// Coroutines that wait for messages, replies and calls, and are resumed by whoever drives.
#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <coproc/async.hpp>
#include <coproc/coproc.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/coroutine.hpp"

using namespace std::chrono_literals;
using coproc::AsyncMessenger;
using coproc::AsyncOptions;
using coproc::PriorityMessenger;
using coproc::WorkerResource;
using support::Coroutine;

namespace {

struct Twice {
  using Reply = int;
  int value;
};
struct Fill {
  using Reply = void;
  std::string text;
};
struct Hold {  // is never answered
  using Reply = int;
};

void serve(PriorityMessenger& host) {
  std::vector<coproc::Message> held;
  for (;;) {
    coproc::Message message = host.receive_blocking();
    if (message.holds<Hold>()) {
      held.push_back(std::move(message));
    } else if (message.holds<Fill>()) {
      host.reply_to(message, std::monostate());
    } else if (message.holds<Twice>()) {
      const int value = message.get<Twice>().value;
      if (value >= 0) {
        host.reply_to(message, 2 * value);
      } else {
        host.reply_error_to(message, std::out_of_range("negative"));
      }
    } else if (message.holds<int>()) {
      host.send_norequest(message.get<int>(), message.get<int>() < 0 ? coproc::ChannelId(1) : coproc::ChannelId());
    } else {
      host.send_error(std::runtime_error(message.get<std::string>()));
    }
  }
}

template <class Awaitable>
Coroutine note(Awaitable make, std::vector<std::string>& results) {
  try {
    results.push_back(std::to_string(co_await make()));
  } catch (const std::exception& error) {
    const auto is = [&]<class E>(E*) { return dynamic_cast<const E*>(&error) != nullptr; };
    results.push_back(is(static_cast<coproc::TimeoutError*>(nullptr))           ? "timeout"
                      : is(static_cast<coproc::CancelledError*>(nullptr))       ? "cancelled"
                      : is(static_cast<coproc::WorkerDiedError*>(nullptr))      ? "died"
                      : is(static_cast<coproc::TypeMismatchError*>(nullptr))    ? "mismatch"
                      : is(static_cast<coproc::NoRequestError*>(nullptr))       ? "no request"
                      : is(static_cast<coproc::NoLinkError*>(nullptr))          ? "no link"
                      : is(static_cast<coproc::EndOfWorkersMessages*>(nullptr)) ? "end"
                                                                                : error.what());
  }
}

using Results = std::vector<std::string>;

class AsyncMessages : public testing::TestWithParam<bool> {
 protected:
  AsyncMessages() { worker.start(); }
  /// Drives until nothing waits, as a thread with nothing else to do, or as an event loop.
  void drive(AsyncMessenger& messages) const {
    if (!GetParam()) {
      while (messages.waiting() != 0) EXPECT_TRUE(messages.wait());
      return;
    }
    const int handle = messages.native_handle();
    while (messages.waiting() != 0) {
      EXPECT_TRUE(support::is_readable(handle, -1));
      messages.poll();
    }
    EXPECT_EQ(messages.native_handle(), handle);
  }

  WorkerResource<void (*)(PriorityMessenger&)> worker{&serve};
  Results results;
};
INSTANTIATE_TEST_SUITE_P(, AsyncMessages, testing::Bool());

Coroutine sum_of_calls(AsyncMessenger& messages, int calls, long& sum) {
  for (int i = 0; i < calls; ++i) sum += co_await messages.call(Twice{i});
  const Fill fill{"a"};  // named, since g++ 12 destroys such a temporary of a co_await twice
  co_await messages.call(fill);
}

TEST_P(AsyncMessages, CallsOfManyCoroutinesAreAnswered) {
  AsyncMessenger messages(worker.messenger());
  std::vector<long> sums(50);
  std::vector<Coroutine> running;
  for (long& sum : sums) running.push_back(sum_of_calls(messages, 100, sum));
  drive(messages);
  for (std::size_t i = 0; i < running.size(); ++i) {
    ASSERT_TRUE(running[i].is_done());
    running[i].check();
    EXPECT_EQ(sums[i], 9900);
  }
  EXPECT_EQ(worker.messenger().remaining(), 0U);
}

TEST_P(AsyncMessages, RepliesAndMessagesReachThoseWhoWaitForThem) {
  AsyncMessenger messages(worker.messenger());
  const auto first = worker.messenger().send_request(Twice{1});
  const auto second = worker.messenger().send_request(Twice{2});
  const Coroutine a = note([&] { return messages.receive_reply<int>(second); }, results);
  const Coroutine b = note([&] { return messages.receive_reply<int>(first); }, results);
  const Coroutine c = note([&] { return messages.receive<int>(); }, results);
  worker.messenger().send_norequest(7);
  drive(messages);
  std::sort(results.begin(), results.end());
  EXPECT_EQ(results, (Results{"2", "4", "7"}));
}

TEST_P(AsyncMessages, AnErrorReplyIsThrownToItsCallAlone) {
  AsyncMessenger messages(worker.messenger());
  const Coroutine a = note([&] { return messages.call(Twice{-1}); }, results);
  drive(messages);
  const Coroutine b = note([&] { return messages.call(Twice{3}); }, results);
  drive(messages);
  EXPECT_EQ(results, (Results{"negative", "6"}));
}

TEST_P(AsyncMessages, AnErrorOfThePeerIsThrownToTheOneThatHasWaitedLongest) {
  AsyncMessenger messages(worker.messenger());
  const Coroutine a = note([&] { return messages.receive<int>(); }, results);
  const Coroutine b = note([&] { return messages.call(Twice{2}, {.timeout = 100s}); }, results);
  worker.messenger().send_norequest(std::string("trouble"));
  drive(messages);
  std::sort(results.begin(), results.end());
  EXPECT_EQ(results, (Results{"4", "trouble"}));
}

TEST_P(AsyncMessages, TheDeathOfTheWorkerIsThrownToAll) {
  AsyncMessenger messages(worker.messenger());
  const Coroutine a = note([&] { return messages.call(Hold{}); }, results);
  const Coroutine b = note([&] { return messages.call(Hold{}); }, results);
  const Coroutine c = note([&] { return messages.receive<int>(); }, results);
  if (GetParam()) (void)messages.native_handle();
  ::kill(worker.pid(), SIGKILL);
  drive(messages);
  EXPECT_EQ(results, (Results{"died", "died", "died"}));
  const Coroutine d = note([&] { return messages.call(Hold{}); }, results);
  EXPECT_EQ(results.back(), "died");
  worker.start();
  const Coroutine e = note([&] { return messages.call(Twice{4}); }, results);
  drive(messages);
  EXPECT_EQ(results.back(), "8");
}

TEST_P(AsyncMessages, ADeadlineEndsAnOperation) {
  AsyncMessenger messages(worker.messenger());
  const Coroutine a = note([&] { return messages.call(Hold{}, {.timeout = 30ms}); }, results);
  const Coroutine b = note([&] { return messages.receive<int>({.timeout = 20ms}); }, results);
  const Coroutine c = note([&] { return messages.receive<int>({.timeout = 0s}); }, results);
  EXPECT_EQ(results, Results{"timeout"});  // the last one does not wait
  drive(messages);
  EXPECT_EQ(results, (Results{"timeout", "timeout", "timeout"}));
  EXPECT_EQ(worker.messenger().remaining(), 0U);  // the reply was given up
}

TEST_P(AsyncMessages, AStopOfAnotherThreadCancelsAnOperation) {
  AsyncMessenger messages(worker.messenger());
  std::stop_source stop;
  const Coroutine a = note([&] { return messages.call(Hold{}, {.stop = stop.get_token()}); }, results);
  const Coroutine b = note([&] { return messages.call(Hold{}, {.timeout = 100s}); }, results);
  if (GetParam()) (void)messages.native_handle();
  std::jthread other([&] { stop.request_stop(); });
  while (results.empty()) {
    if (GetParam()) {
      EXPECT_TRUE(support::is_readable(messages.native_handle(), -1));
      messages.poll();
    } else {
      messages.wait();
    }
  }
  EXPECT_EQ(results, Results{"cancelled"});
  EXPECT_EQ(messages.waiting(), 1U);
  const Coroutine c = note([&] { return messages.receive<int>({.stop = stop.get_token()}); }, results);
  EXPECT_EQ(results, (Results{"cancelled", "cancelled"}));  // a stop that was requested before
  EXPECT_EQ(messages.cancel(), 1U);
  EXPECT_EQ(results, (Results{"cancelled", "cancelled", "cancelled"}));
  EXPECT_EQ(worker.messenger().remaining(), 0U);
}

TEST_P(AsyncMessages, ADestroyedCoroutineWaitsForNothing) {
  AsyncMessenger messages(worker.messenger());
  Coroutine a = note([&] { return messages.call(Hold{}); }, results);
  Coroutine b = note([&] { return messages.receive<int>(); }, results);
  if (GetParam()) (void)messages.native_handle();
  a.destroy();
  b.destroy();
  EXPECT_EQ(messages.waiting(), 0U);
  EXPECT_EQ(worker.messenger().remaining(), 0U);
  EXPECT_FALSE(messages.wait());
  EXPECT_TRUE(results.empty());
}

TEST_P(AsyncMessages, TheDestructorCancels) {
  auto messages = std::make_unique<AsyncMessenger>(worker.messenger());
  const Coroutine a = note([&] { return messages->call(Hold{}); }, results);
  const Coroutine b = [](AsyncMessenger& again, Results& noted) -> Coroutine {
    for (int i = 0; i < 2; ++i) {
      try {
        co_await again.receive<int>();
      } catch (const coproc::CancelledError&) {
        noted.push_back("cancelled");
      }
    }
  }(*messages, results);
  if (GetParam()) (void)messages->native_handle();
  messages.reset();
  EXPECT_EQ(results, (Results{"cancelled", "cancelled", "cancelled"}));  // also what begins meanwhile
}

TEST_P(AsyncMessages, ACoroutineMayDestroyWhatResumesIt) {
  auto messages = std::make_unique<AsyncMessenger>(worker.messenger());
  const Coroutine a = [](std::unique_ptr<AsyncMessenger>& owned, Results& noted) -> Coroutine {
    noted.push_back(std::to_string(co_await owned->call(Twice{1})));
    owned.reset();
  }(messages, results);
  const Coroutine b = note([&] { return messages->call(Hold{}); }, results);
  const int handle = GetParam() ? messages->native_handle() : -1;
  while (messages != nullptr) {
    if (GetParam()) {
      EXPECT_TRUE(support::is_readable(handle, -1));
      messages->poll();
    } else {
      messages->wait();
    }
  }
  EXPECT_EQ(results, (Results{"2", "cancelled"}));
}

// What nobody waits for must not keep an event loop busy, and is there for a later receive.
TEST_P(AsyncMessages, AMessageThatNobodyAwaitsStays) {
  AsyncMessenger messages(worker.messenger());
  const int handle = messages.native_handle();
  worker.messenger().send_norequest(5);
  const Coroutine a = note([&] { return messages.call(Twice{1}); }, results);  // answered behind it
  drive(messages);
  EXPECT_EQ(results, Results{"2"});
  EXPECT_FALSE(support::is_readable(handle, 0));
  const Coroutine b = note([&] { return messages.call(Hold{}); }, results);
  messages.poll();
  EXPECT_FALSE(support::is_readable(handle, 0));
  const Coroutine c = note([&] { return messages.receive<double>(); }, results);
  EXPECT_EQ(results.back(), "mismatch");
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 5);
  EXPECT_EQ(messages.cancel(), 1U);
}

// A send may take in the reply that a coroutine waits for.
TEST_P(AsyncMessages, AReplyThatAnotherCallHasTakenInIsDelivered) {
  AsyncMessenger messages(worker.messenger());
  (void)messages.native_handle();
  const Coroutine a = note([&] { return messages.call(Twice{1}); }, results);
  worker.messenger().send_norequest(-3);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(1), -3);  // behind the reply
  drive(messages);
  EXPECT_EQ(results, Results{"2"});
}

TEST_P(AsyncMessages, ACallWaitsForSpace) {
  AsyncMessenger messages(worker.messenger());
  ::kill(worker.pid(), SIGSTOP);
  const std::string much(10'000, 'x');
  std::vector<Coroutine> running;
  int done = 0;
  const auto fill = [](AsyncMessenger& to, const std::string& text, int& count) -> Coroutine {
    const Fill request{text};
    co_await to.call(request);
    ++count;
  };
  for (int i = 0; i < 20; ++i) running.push_back(fill(messages, much, done));
  EXPECT_EQ(messages.waiting(), 20U);
  const Coroutine late = note([&] { return messages.call(Twice{1}, {.timeout = 20ms}); }, results);
  while (results.empty()) messages.wait(1ms);
  EXPECT_EQ(results, Results{"timeout"});
  ::kill(worker.pid(), SIGCONT);
  drive(messages);
  EXPECT_EQ(done, 20);
}

TEST(AsyncMessage, OfAMessengerWithoutALinkFails) {
  WorkerResource worker{&serve};
  AsyncMessenger messages(worker.messenger());
  Results results;
  const Coroutine a = note([&] { return messages.receive<int>(); }, results);
  EXPECT_EQ(results, Results{"no link"});
}

void send_two_and_end(PriorityMessenger& host) {
  host.send_norequest(1);
  host.send_norequest(2);
  host.send_end();
}

TEST(AsyncMessage, TheEndOfMessagesComesBehindThem) {
  WorkerResource worker{&send_two_and_end};
  worker.start();
  AsyncMessenger messages(worker.messenger());
  Results results;
  std::vector<Coroutine> running;
  for (int i = 0; i < 3; ++i) running.push_back(note([&] { return messages.receive<int>(); }, results));
  while (messages.waiting() != 0) messages.wait();
  EXPECT_EQ(results, (Results{"1", "2", "end"}));
}

// ---- space after a send that found none

TEST(NativeHandle, IsReadableWhenThereIsSpaceAgain) {
  WorkerResource worker{&serve};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  const int handle = messenger.native_handle();
  (void)messenger.available();
  ::kill(worker.pid(), SIGSTOP);
  const Fill much{std::string(10'000, 'x')};
  std::size_t sent = 0;
  while (messenger.try_send_request(much)) ++sent;
  EXPECT_GT(sent, 0U);
  EXPECT_FALSE(support::is_readable(handle, 0));
  ::kill(worker.pid(), SIGCONT);
  bool is_sent = false;
  while (!is_sent) {
    ASSERT_TRUE(support::is_readable(handle, -1));
    is_sent = messenger.try_send_request(much).has_value();
    if (!is_sent) (void)messenger.receive_available();
  }
  for (std::size_t replies = 0; messenger.remaining() != 0;) {
    ASSERT_TRUE(support::is_readable(handle, -1));
    replies += messenger.receive_available().size();
    EXPECT_LE(replies, sent + 1);
  }
  EXPECT_FALSE(support::is_readable(handle, 0));  // nothing is wanted any more
}

// A call that looks meanwhile must not take the news away.
TEST(NativeHandle, StaysReadableWhileThereIsSpaceForWhatFoundNone) {
  auto [left, right] = PriorityMessenger::new_pair();
  const int handle = left.native_handle();
  const std::string much(10'000, 'x');
  while (left.try_send(much)) {}
  EXPECT_FALSE(support::is_readable(handle, 0));
  while (right.receive_for(0s)) {}
  EXPECT_TRUE(support::is_readable(handle, 0));
  EXPECT_EQ(left.available(), 0U);
  EXPECT_TRUE(support::is_readable(handle, 0));
  EXPECT_TRUE(left.try_send(much));
  EXPECT_FALSE(support::is_readable(handle, 0));
}

}  // namespace
