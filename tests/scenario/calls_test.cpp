// Calls with typed replies, the loop that serves them, and replies that are given up.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scenario/pair_of_messengers.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::WorkerResource;

namespace {

struct Get {
  using Reply = std::string;
  std::string key;
};
struct Put {
  using Reply = void;
  std::string key, value;
};
struct Sum {
  using Reply = std::uint64_t;
  std::vector<std::uint64_t> numbers;
};
struct Clear {};  // expects no reply
struct Unknown {  // nobody serves it
  using Reply = int;
};
struct ThrowsOddly {
  using Reply = void;
};
struct NoSuchKey : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct NotDeclared : std::logic_error {
  using std::logic_error::logic_error;
};

std::string value_of(const std::map<std::string, std::string>& values, const std::string& key) {
  const auto found = values.find(key);
  if (found == values.end()) throw NoSuchKey(key);
  return found->second;
}

std::uint64_t sum_from_server(const Sum&) { throw NotDeclared("no numbers today"); }

template <class M>
void store(M& host) {
  std::map<std::string, std::string> values;
  coproc::serve(
      host, [&](const Get& get) { return value_of(values, get.key); },
      [&](Put put) { values[std::move(put.key)] = std::move(put.value); },
      [](const Sum& sum) { return std::accumulate(sum.numbers.begin(), sum.numbers.end(), std::uint64_t{0}); },
      [&](const Clear&) { values.clear(); }, [](const ThrowsOddly&) { throw 5; });
  host.send_norequest(std::string("served"));
}

template <class M>
struct Calls : testing::Test {
  WorkerResource<void (*)(M&)> worker{&store<M>};
  Calls() { worker.start(); }
  M& store_end() { return worker.messenger(); }
};
using Messengers = testing::Types<PriorityMessenger, coproc::MultiMessenger>;
TYPED_TEST_SUITE(Calls, Messengers);

TYPED_TEST(Calls, ReturnTheReplyOfTheirType) {
  TypeParam& link = this->store_end();
  link.call(Put{"a", "1"});
  link.call(Put{"b", std::string(1'000'000, 'x')}, 60s);
  EXPECT_EQ(link.call(Get{"a"}, 60s), "1");
  EXPECT_EQ(link.call(Get{"b"}).size(), 1'000'000u);
  EXPECT_EQ(link.call(Sum{std::vector<std::uint64_t>(100'000, 3)}), 300'000u);
  EXPECT_EQ(link.remaining(), 0u);
}

TYPED_TEST(Calls, ThrowTheExceptionOfTheServer) {
  TypeParam& link = this->store_end();
  coproc::accept_errors<NoSuchKey>();
  try {
    link.call(Get{"nothing"});
    FAIL();
  } catch (const NoSuchKey& error) {
    EXPECT_STREQ(error.what(), "nothing");
  }
  EXPECT_THROW(link.call(ThrowsOddly{}), coproc::RemoteError);
  EXPECT_THROW(link.call(Unknown{}), coproc::MessageNotRecognizedError);
  link.call(Put{"a", "1"});  // it goes on
  EXPECT_EQ(link.call(Get{"a"}), "1");
}

TYPED_TEST(Calls, MessagesThatExpectNoReplyAreServedToo) {
  TypeParam& link = this->store_end();
  link.send_norequest(Put{"a", "1"});
  EXPECT_EQ(link.call(Get{"a"}), "1");
  link.send_norequest(Clear{});
  EXPECT_THROW(link.call(Get{"a"}), std::runtime_error);
  link.send_request(Clear{});  // a type that names no reply answers no request
  EXPECT_THROW(link.template receive_blocking<int>(), coproc::MessageNotRecognizedError);
}

TYPED_TEST(Calls, ServeReturnsWhenItsPeerWantsItToClose) {
  TypeParam& link = this->store_end();
  link.send_close_request();
  EXPECT_EQ(link.template receive_blocking<std::string>(), "served");
  EXPECT_TRUE(this->worker.join().success());
}

TYPED_TEST(Calls, ServeReturnsWhenItsPeerHasSentEverything) {
  TypeParam& link = this->store_end();
  const RequestId id = link.send_request(Sum{{1, 2}});
  link.send_end();
  EXPECT_EQ(link.template receive_reply<std::uint64_t>(id), 3u);
  EXPECT_EQ(link.template receive_blocking<std::string>(), "served");
  EXPECT_TRUE(this->worker.join().success());
}

TYPED_TEST(Calls, AnExceptionThatAnswersNothingLeavesServe) {
  this->store_end().send_norequest(ThrowsOddly{});
  EXPECT_EQ(this->worker.join().code(), 1);
}

TYPED_TEST(Calls, AMessageThatNobodyServesLeavesServe) {
  this->store_end().send_norequest(1);
  const coproc::ExitStatus status = this->worker.join();
  EXPECT_NE(status.exception_text.find("no function given to serve() takes the message on channel default, which "
                                       "holds int32: add one for it"),
            std::string::npos)
      << status.exception_text;
}

TYPED_TEST(Calls, OfADeadWorkerThrow) {
  TypeParam& link = this->store_end();
  link.call(Put{"a", "1"});
  this->worker.kill();
  EXPECT_THROW(link.call(Get{"a"}), coproc::WorkerDiedError);
}

// ---- within one process ----

struct OneProcessCalls : scenario::PairOfMessengers {
  /// Serves, at `b`, one message that has been sent.
  template <class F>
  void serve_one(F function) {
    a.send_end();
    coproc::serve(b, function);
  }
};

TEST_F(OneProcessCalls, AnExceptionOfAnotherTypeIsARemoteError) {
  const RequestId id = a.send_request(Sum{});
  serve_one(&sum_from_server);
  try {
    a.receive_reply<std::uint64_t>(id);
    FAIL();
  } catch (const coproc::RemoteError& error) {
    EXPECT_NE(std::string(error.what()).find("no numbers today"), std::string::npos) << error.what();
  }
}

TEST_F(OneProcessCalls, AreServedOnTheirChannel) {
  const RequestId id = a.send_request(Sum{{1, 2}}, "sums");
  a.send_norequest(9);  // on another channel: it stays
  a.send_norequest(std::string("nobody serves text"), "sums");
  EXPECT_THROW(coproc::serve(b, "sums", [](const Sum& sum) { return sum.numbers.back(); }),
               coproc::MessageNotRecognizedError);
  EXPECT_EQ(a.receive_reply<std::uint64_t>(id), 2u);
  EXPECT_EQ(b.receive_blocking<int>(), 9);
}

TEST_F(OneProcessCalls, HaveATimeLimitAndDropTheLateReply) {
  EXPECT_THROW(a.call(Get{"a"}, 1ms), coproc::TimeoutError);
  EXPECT_THROW(a.call(Get{"b"}, "channel", 1ms), coproc::TimeoutError);
  EXPECT_EQ(a.remaining(), 0u);
  EXPECT_EQ(a.remaining("channel"), 0u);
  b.send_reply(b.receive_blocking<Get>().key);
  b.reply_error_to(b.receive_blocking("channel"), NoSuchKey("b"));
  b.send_norequest(7);
  EXPECT_EQ(a.receive_for<int>(0s), 7);
  EXPECT_EQ(a.available() + a.available("channel"), 0u);
}

TEST_F(OneProcessCalls, ThatAreInterruptedDropTheReply) {
  a.interrupt();
  EXPECT_THROW(a.call(Sum{{1}}), coproc::InterruptedError);
  b.send_reply(b.receive_blocking<Sum>().numbers.front());
  EXPECT_EQ(a.available(), 0u);
}

TEST_F(OneProcessCalls, WhoseReplyIsOfAnotherTypeDropIt) {
  std::jthread server([&] { b.reply_to(b.receive_blocking(), 3.5); });
  EXPECT_THROW(a.call(Get{"a"}), coproc::TypeMismatchError);
  EXPECT_EQ(a.available(), 0u);
}

// ---- discard_reply ----

TEST_F(OneProcessCalls, AReplyIsDroppedWhenItComesOrWhenItHasCome) {
  const std::vector<RequestId> ids = a.send_request_multiple({1, 2, 3, 4});
  a.discard_reply(ids[1]);
  EXPECT_EQ(a.remaining(), 3u);
  for (const int request : b.receive_available<int>()) b.send_reply(10 * request);
  EXPECT_EQ(a.available(), 3u);
  a.discard_reply(ids[2]);  // it is in the inbox
  EXPECT_EQ(a.receive_available<int>(), (std::vector{10, 40}));
  EXPECT_EQ(a.remaining(), 0u);
  for (const RequestId id : ids) EXPECT_THROW(a.discard_reply(id), coproc::NoRequestError);
  EXPECT_THROW(a.receive_reply<int>(ids[1], 0s), coproc::NoRequestError);
}

TEST_F(OneProcessCalls, AReplyThatComesFirstInTheLinkIsDropped) {
  const RequestId unwanted = a.send_request(1);
  const RequestId wanted = a.send_request(2);
  a.discard_reply(unwanted);
  b.send_reply(b.receive_blocking<int>());
  b.send_reply(b.receive_blocking<int>());
  EXPECT_EQ(a.receive_reply<int>(wanted), 2);
  EXPECT_EQ(a.receive_for<int>(0s), std::nullopt);
}

TEST_F(OneProcessCalls, ALargeReplyAndALentOneAreDropped) {
  const std::vector<std::byte> large(3'000'000);
  for (int round = 0; round < 20; ++round) {
    a.discard_reply(a.send_request(1));
    std::jthread server([&] {
      const Message request = b.receive_blocking();
      round % 2 == 0 ? b.reply_to(request, large) : b.reply_to(request, b.loan<std::byte>(1 << 20));
      b.send_norequest(round);
    });
    EXPECT_EQ(a.receive_blocking<int>(), round);
  }
  EXPECT_EQ(a.available(), 0u);
}

TEST_F(OneProcessCalls, ADroppedLoanGoesBack) {
  auto [lender, other] = PriorityMessenger::new_pair({.loan_bytes = 64 * 1024});
  for (int round = 0; round < 10; ++round) {
    other.discard_reply(other.send_request(round));
    lender.reply_to(lender.receive_blocking(), lender.loan<std::byte>(48 * 1024));  // LoanError if none comes back
    EXPECT_EQ(other.receive_for<int>(0s), std::nullopt);
  }
}

TEST_F(OneProcessCalls, UnwantedRequestsAreNotAmongTheUnansweredOnesOfADeadWorker) {
  WorkerResource worker{[](PriorityMessenger& host) { (void)host.receive_blocking<int>(); }};
  worker.start();
  const RequestId kept = worker.messenger().send_request(1);
  worker.messenger().discard_reply(worker.messenger().send_request(2));
  try {
    worker.messenger().receive_reply<int>(kept);
    FAIL();
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().unanswered, std::vector{kept});
  }
}

// ---- try_send_request ----

TEST(OneProcessTrySendRequest, NeverWaits) {
  auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4096});
  std::size_t sent = 0;
  while (a.try_send_request(std::string(100, 'x'))) ++sent;
  EXPECT_GT(sent, 10u);
  EXPECT_EQ(a.remaining(), sent);
  EXPECT_EQ(b.receive_available<std::string>().size(), sent);
  const auto id = a.try_send_request(5);
  ASSERT_TRUE(id);
  for (std::size_t i = 0; i < sent; ++i) b.send_reply(0);
  b.send_reply(b.receive_blocking<int>());
  EXPECT_EQ(a.receive_reply<int>(*id), 5);
}

}  // namespace
