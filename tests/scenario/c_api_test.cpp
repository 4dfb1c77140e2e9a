// Workers in C (coproc/c.h), which tests/start/c_worker.c is, and their hosts.
#include <coproc/msgpack.hpp>

#include <gmock/gmock.h>
#include <signal.h>

#include <coproc/coproc.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "programs.hpp"

using namespace std::chrono_literals;
using coproc::Executable;
using coproc::Msgpack;
using coproc::MultiMessenger;
using coproc::WorkerResource;
using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

namespace {

Executable program(std::string what) { return {C_WORKER, {std::move(what)}}; }

/// Fails with the text of an error that the worker has sent, which says what it did not expect.
std::string text_from(coproc::Messenger& messenger, const coproc::ChannelId& channel = {}) {
  return messenger.receive_blocking<std::string>(channel);
}

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(CWorker, SendsEachKindBackAsItIs) {
  WorkerResource worker{program("echo")};
  worker.start();
  auto& m = worker.messenger();
  const std::string large(300'000, 'l');  // which is lent
  for (const std::string& text : {std::string(), std::string("text"), std::string("a\0b", 3), large}) {
    m.send_norequest(text);
    EXPECT_EQ(text_from(m), text);
    m.send_norequest(bytes_of(text));
    EXPECT_EQ(m.receive_blocking<Bytes>(), bytes_of(text));
  }
  m.send_norequest(std::vector<char>{'a', 'b'});
  EXPECT_EQ(m.receive_blocking<Bytes>(), bytes_of("ab"));
  auto lent = m.loan(100'000);
  lent[99'999] = std::byte{7};
  m.send_norequest(std::move(lent));
  const auto back = m.receive_blocking<Bytes>();
  EXPECT_EQ(back.size(), 100'000U);
  EXPECT_EQ(back.back(), std::byte{7});
  using Map = std::map<std::string, std::vector<int>>;
  m.send_request(Msgpack{Map{{"a", {1, 2}}}});
  EXPECT_EQ(m.receive_blocking<Msgpack<Map>>().value, (Map{{"a", {1, 2}}}));
  m.send_norequest(std::map<int, double>{});
  EXPECT_EQ(text_from(m), "map<int32, float64>");
  EXPECT_EQ(worker.stop().code(), 0) << "a close request ends the loop";
}

TEST(CWorker, AnswersRequestsAndErrors) {
  WorkerResource<Executable, MultiMessenger> worker{program("echo")};
  worker.start();
  auto& m = worker.messenger();
  const auto first = m.send_request("one");
  const auto failed = m.send_request("fail");
  const auto last = m.send_request("three");
  EXPECT_EQ(m.receive_reply<std::string>(last), "three");
  try {
    m.receive_reply<std::string>(failed);
    FAIL() << "it did not fail";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "it was asked to fail");
  }
  EXPECT_EQ(m.receive_reply<std::string>(first), "one");
  EXPECT_EQ(worker.finish().code(), 5) << "the end of the messages ends the loop";
}

TEST(CWorker, SeesChannelsPrioritiesAndTypes) {
  WorkerResource worker{program("describe")};
  worker.start();
  auto& m = worker.messenger();
  m.send_request(bytes_of("b"), "errors", {.priority = 7});
  m.send_norequest("w", "warnings", {.priority = -1.5});
  m.send_norequest("n", -7);
  EXPECT_EQ(text_from(m, "warnings"), "w on \"warnings\" (\"warnings\"), priority -1.5, request 0, string");
  const auto message = m.receive_blocking("errors");
  EXPECT_THAT(message.get<std::string>(), HasSubstr("b on \"errors\" (\"errors\"), priority 7.0, request 1"));
  EXPECT_EQ(message.priority(), 2.5);
  EXPECT_EQ(text_from(m), "on -7");
}

TEST(CWorker, AsksItsHost) {
  WorkerResource worker{program("ask")};
  worker.start();
  auto& m = worker.messenger();
  const auto question = m.receive_blocking();
  EXPECT_EQ(question.get<std::string>(), "how much?");
  EXPECT_EQ(text_from(m), "never mind");
  m.reply_to(question, "a lot");
  EXPECT_EQ(m.receive_blocking<Bytes>(), bytes_of("a lot"));
  m.reply_error_to(m.receive_blocking(), std::out_of_range("no more"));
  EXPECT_EQ(text_from(m), "no more");
  m.send_error(std::logic_error("a mistake"));
  EXPECT_EQ(text_from(m), "a mistake");
  EXPECT_THROW(m.receive_blocking(), coproc::EndOfWorkersMessages);
  EXPECT_EQ(worker.join().code(), 0);
}

TEST(CWorker, TakesOneStartArgumentOfItsKind) {
  WorkerResource text{program("text")};
  text.start("an argument");
  EXPECT_EQ(text_from(text.messenger()), "an argument");
  WorkerResource bytes{program("bytes")};
  bytes.start(bytes_of("\x01\x02"));
  EXPECT_EQ(bytes.messenger().receive_blocking<Bytes>(), bytes_of("\x01\x02"));
  WorkerResource packed{program("msgpack")};
  packed.start(Msgpack{std::vector{1, 2}});
  EXPECT_EQ(packed.messenger().receive_blocking<Msgpack<std::vector<int>>>().value, (std::vector{1, 2}));
  try {
    text.join();
    text.start(7);
    FAIL() << "it takes text";
  } catch (const coproc::StartError& error) {
    EXPECT_EQ(error.stage(), "arguments");
    EXPECT_THAT(error.what(), HasSubstr("(string)"));
  }
}

TEST(CWorker, WaitsEnd) {
  WorkerResource worker{program("waits")};
  worker.start();
  EXPECT_EQ(text_from(worker.messenger()), "polling");
  worker.messenger().send_norequest("now");
  EXPECT_THROW(worker.messenger().receive_blocking(), coproc::WorkerRequestedClose);
  EXPECT_EQ(worker.join().code(), 3);
}

TEST(CWorker, MistakesAreRefused) {
  WorkerResource worker{program("mistakes")};
  worker.start();
  EXPECT_EQ(text_from(worker.messenger()), "all refused");
  EXPECT_EQ(worker.join().code(), 0);
}

TEST(CWorker, AFailureIsTold) {
  WorkerResource worker{program("fails")};
  worker.start();
  EXPECT_THROW(worker.messenger().receive_blocking(), std::runtime_error);
  const auto status = worker.join();
  EXPECT_EQ(status.code(), 1);
  EXPECT_THAT(status.exception_text, HasSubstr("the disk is full"));
}

TEST(CWorker, ItsCodeIsTold) {
  WorkerResource worker{program("returns")};
  worker.start();
  EXPECT_EQ(text_from(worker.messenger()), "before");
  try {
    worker.messenger().receive_blocking();
    FAIL() << "it lives";
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().code(), 42);
  }
}

TEST(CWorker, ASendThatHasNoRoomTimesOutAndHasSentNothing) {
  WorkerResource worker{program("floods")};
  worker.start();
  while (!worker.messenger().close_requested()) std::this_thread::yield();  // which takes in nothing
  EXPECT_THROW(worker.messenger().receive_blocking(), coproc::WorkerRequestedClose);
  long received = 0;
  for (;;) {
    const auto message = worker.messenger().receive_blocking();
    if (message.holds<std::string>()) {
      EXPECT_EQ(message.get<std::string>(), std::to_string(received));
      break;
    }
    EXPECT_EQ(message.get<Bytes>().size(), 5000U);
    ++received;
  }
  EXPECT_EQ(worker.join().code(), 0);
}

TEST(CWorker, KilledInTheMidstOfSends) {
  WorkerResource worker{program("dies")};
  worker.start();
  EXPECT_EQ(text_from(worker.messenger()), "before");
  worker.kill();
  try {
    for (;;) EXPECT_EQ(worker.messenger().receive_blocking<Bytes>().size(), 3000U);
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().signal(), SIGKILL);
  }
}

TEST(CWorker, ACancelledThreadIsUnwound) {
  WorkerResource worker{program("cancels")};
  worker.start();
  EXPECT_EQ(text_from(worker.messenger()), "cancelled");
  EXPECT_EQ(worker.join().code(), 0);
}

TEST(CWorker, ALimitOfTheLinkIsAnErrorOfTheSend) {
  WorkerResource worker{program("echo"), {.link = {.max_message_bytes = 1000}}};
  worker.start();
  worker.messenger().send_norequest(std::string(100, 'x'));
  EXPECT_EQ(text_from(worker.messenger()).size(), 100U);
  EXPECT_THROW(worker.messenger().send_norequest(std::string(2000, 'x')), coproc::MessageTooLargeError);
}

/// What the program prints when a user starts it.
std::string output_of(const std::string& command) {
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), pipe));
  return text + "exit " + std::to_string(WEXITSTATUS(::pclose(pipe)));
}

TEST(CWorker, WithoutAHostIsNoWorker) {
  EXPECT_THAT(output_of(C_WORKER " alone"), ::testing::AllOf(HasSubstr("not started by a host"), HasSubstr("exit 0")));
  EXPECT_THAT(output_of(C_WORKER " version"), ::testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+\nexit 0"));
}

TEST(CWorker, APoolOfThem) {
  coproc::WorkerResourcePool workers(3, program("echo"));
  workers.start();
  int count = 0;
  for (const std::string& reply : workers.map_messages<std::string>(std::vector<std::string>{"a", "b", "c", "d"})) {
    EXPECT_EQ(reply.size(), 1U);
    ++count;
  }
  EXPECT_EQ(count, 4);
}

}  // namespace
