// Messages of every kind and size to and from a worker behind two agents.
#include <gtest/gtest.h>

#include "machines/here.hpp"

#include <chrono>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coproc::MultiMessenger;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

struct Parcel {
  int number;
  std::string text;
  std::vector<double> values;
  std::map<std::string, std::optional<int>> names;
  bool operator==(const Parcel&) const = default;
};

std::string text_of(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 2654435761u) >> 13);
  return text;
}

void echo_strings(PriorityMessenger& host) {
  for (;;) host.send_reply(host.receive_blocking<std::string>());
}

TEST(MachineMessages, ComeBackAsTheyWereInEverySize) {
  WorkerResource worker{&echo_strings, {.name = "echo", .machine = machines::here()}};
  worker.start();
  // Around the sizes of records and frames, and far above rings and windows.
  for (const std::size_t bytes : {0u, 1u, 100u, 16'000u, 16'384u, 65'536u, 65'537u, 100'000u, 1'000'000u, 5'000'000u}) {
    const std::string text = text_of(bytes);
    worker.messenger().send_request(text);
    ASSERT_EQ(worker.messenger().receive_blocking<std::string>(), text) << bytes;
  }
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

TEST(MachineMessages, FitAnyRing) {
  for (const std::size_t ring :
       {std::size_t{4096}, std::size_t{64} << 10, std::size_t{256} << 10, std::size_t{1} << 20}) {
    WorkerResource worker{&echo_strings, {.link = {.ring_bytes = ring}, .machine = machines::here()}};
    worker.start();
    for (const std::size_t bytes : {std::size_t{10}, ring / 4 - 40, ring / 4, ring / 2, ring, 3 * ring}) {
      const std::string text = text_of(bytes);
      worker.messenger().send_request(text);
      ASSERT_EQ(worker.messenger().receive_blocking<std::string>(), text) << ring << " " << bytes;
    }
    EXPECT_TRUE(worker.stop(machines::kPatient).success());
  }
}

void echo_parcels(PriorityMessenger& host) {
  for (;;) host.send_reply(host.receive_blocking<Parcel>());
}

TEST(MachineMessages, StructuresComeBackAsTheyWere) {
  WorkerResource worker{&echo_parcels, {.machine = machines::here()}};
  worker.start();
  std::vector<double> many(300'000);
  std::iota(many.begin(), many.end(), 0.5);
  for (const Parcel& parcel : {Parcel{1, "x", {}, {}}, Parcel{2, "", {1.5, -2.5}, {{"a", 1}, {"b", std::nullopt}}},
                               Parcel{3, text_of(70'000), many, {}}}) {
    worker.messenger().send_request(parcel);
    EXPECT_EQ(worker.messenger().receive_blocking<Parcel>(), parcel);
  }
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

void count_up(PriorityMessenger& host, int count, const std::string& text) {
  for (int i = 0; i < count; ++i) host.send_norequest(std::pair(i, text));
  host.receive_blocking<int>();
}

TEST(MachineMessages, ManyArriveInTheirOrder) {
  WorkerResource worker{&count_up, {.machine = machines::here()}};
  worker.start(50'000, std::string("some text"));
  for (int i = 0; i < 50'000; ++i) {
    const auto [number, text] = worker.messenger().receive_blocking<std::pair<int, std::string>>();
    ASSERT_EQ(number, i);
    ASSERT_EQ(text, "some text");
  }
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

void send_and_receive(PriorityMessenger& host, int count, std::size_t bytes) {
  const std::string text = text_of(bytes);
  for (int i = 0; i < count; ++i) host.send_norequest(text);
  for (int i = 0; i < count; ++i) {
    if (host.receive_blocking<std::string>() != text) throw std::logic_error("another text");
  }
  host.send_norequest(std::string("all is there"));
}

TEST(MachineMessages, promise_02_TwoSendersThatDoNotReceiveDoNotBlockEachOther) {
  for (const auto& [count, bytes] : {std::pair(20'000, std::size_t{50}), std::pair(100, std::size_t{200'000})}) {
    WorkerResource worker{&send_and_receive, {.machine = machines::here()}};
    worker.start(count, bytes);
    const std::string text = text_of(bytes);
    for (int i = 0; i < count; ++i) worker.messenger().send_norequest(text);
    for (int i = 0; i < count; ++i) ASSERT_EQ(worker.messenger().receive_blocking<std::string>(), text);
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "all is there");
    EXPECT_TRUE(worker.join().success());
  }
}

void send_by_priority(PriorityMessenger& host) {
  for (int i = 0; i < 200; ++i) host.send_norequest(i, coproc::kDefaultChannel, {.priority = coproc::Priority(-i)});
  host.send_norequest(std::string("sent"), "told");
  host.receive_blocking<int>();
}

TEST(MachineMessages, PrioritiesHoldBehindTheAgents) {
  WorkerResource worker{&send_by_priority, {.machine = machines::here()}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>("told"), "sent");
  for (int i = 199; i >= 0; --i) ASSERT_EQ(worker.messenger().receive_blocking<int>(), i);
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

void multi(MultiMessenger& host) {
  for (;;) {
    const auto number = host.receive_blocking<long>("numbers");
    host.send_norequest(number * number, "squares");
    host.send_norequest(std::to_string(number), "texts");
  }
}

TEST(MachineMessages, ChannelsOfAMultiMessengerStayApart) {
  WorkerResource worker{&multi, {.machine = machines::here()}};
  worker.start();
  for (long i = 0; i < 100; ++i) worker.messenger().send_norequest(i, "numbers");
  for (long i = 0; i < 100; ++i)
    EXPECT_EQ(worker.messenger().receive_blocking<std::string>("texts"), std::to_string(i));
  for (long i = 0; i < 100; ++i) EXPECT_EQ(worker.messenger().receive_blocking<long>("squares"), i * i);
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

void refuse_requests(PriorityMessenger& host) {
  for (;;) {
    const coproc::Message request = host.receive_any({coproc::kDefaultChannel}).value();
    try {
      throw std::out_of_range("no such thing as " + std::to_string(request.get<int>()));
    } catch (const std::out_of_range& error) {
      host.reply_error_to(request, error);
    }
  }
}

TEST(MachineMessages, AnErrorReplyKeepsItsType) {
  WorkerResource worker{&refuse_requests, {.machine = machines::here()}};
  worker.start();
  worker.messenger().send_request(7);
  try {
    worker.messenger().receive_blocking<int>();
    FAIL() << "nothing was thrown";
  } catch (const std::out_of_range& error) {
    EXPECT_NE(std::string(error.what()).find("no such thing as 7"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

void send_all_the_time(PriorityMessenger& host) {
  for (;;) host.send_norequest(std::string(1000, 'x'));
}

TEST(MachineMessages, promise_04_TwoFullInboxesAreAnErrorOfTheHostsSend) {
  WorkerResource worker{&send_all_the_time, {.link = {.max_queued_bytes = 10'000}, .machine = machines::here()}};
  worker.start();
  EXPECT_THROW(
      {
        for (;;) worker.messenger().send_norequest(std::string(1000, 'y'));
      },
      coproc::QueueFullError);
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), std::string(1000, 'x'));  // and nothing is lost
  EXPECT_TRUE(worker.stop({.close = 0s, .terminate = 0s}).signalled());
}

void take_slowly(PriorityMessenger& host) {
  long sum = 0;
  for (int i = 0; i < 3000; ++i) sum += static_cast<long>(host.receive_blocking<std::string>().size());
  host.send_norequest(sum);
  host.receive_blocking<int>();
}

TEST(MachineMessages, AHostThatOnlySendsWaitsForAWorkerThatReceives) {
  WorkerResource worker{&take_slowly, {.link = {.max_queued_bytes = 20'000}, .machine = machines::here()}};
  worker.start();
  for (int i = 0; i < 3000; ++i) worker.messenger().send_norequest(std::string(5000, 'z'));
  EXPECT_EQ(worker.messenger().receive_blocking<long>(), 15'000'000);
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

void ask_to_close(PriorityMessenger& host) {
  host.send_norequest(1);
  host.send_close_request();
  host.receive_blocking<int>();
}

TEST(MachineMessages, ACloseRequestOfTheWorkerReachesTheHost) {
  WorkerResource worker{&ask_to_close, {.machine = machines::here()}};
  worker.start();
  EXPECT_THROW(
      {
        for (;;) worker.messenger().receive_blocking<int>();
      },
      coproc::WorkerRequestedClose);
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

void send_an_end(PriorityMessenger& host) {
  long sum = 0;
  try {
    for (;;) sum += host.receive_blocking<int>();
  } catch (const coproc::EndOfMessages&) {
    host.send_norequest(sum);
  }
}

TEST(MachineMessages, finishLetsTheWorkerReceiveEverything) {
  WorkerResource worker{&send_an_end, {.machine = machines::here()}};
  worker.start();
  for (int i = 0; i < 10'000; ++i) worker.messenger().send_norequest(i);
  EXPECT_TRUE(worker.finish().success());
  EXPECT_EQ(worker.messenger().receive_blocking<long>(), 49'995'000);
}

void lend(PriorityMessenger& host) {
  try {
    (void)host.loan<int>(100);
  } catch (const coproc::LoanError& error) {
    host.send_norequest(std::string(error.what()));
  }
}

TEST(MachineMessages, ALoanSaysThatItsMemoryWouldNotReachTheOtherMachine) {
  WorkerResource worker{&lend, {.machine = machines::here()}};
  worker.start();
  EXPECT_THROW((void)worker.messenger().loan<int>(100), coproc::LoanError);
  EXPECT_NE(worker.messenger().receive_blocking<std::string>().find("different machines"), std::string::npos);
  EXPECT_TRUE(worker.join().success());
}

}  // namespace
