// Workers of one target, started and ended together.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <coproc/coproc.hpp>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_file.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::WorkerResourcePool;

namespace {

enum class Channel { questions, notes };

void answer(PriorityMessenger& host, int factor) {
  while (true) {
    const Message message = host.receive_blocking(Channel::questions);
    const int question = message.get<int>();
    if (question == 13) {
      host.reply_error_to(message, std::invalid_argument("thirteen"));
    } else if (question == 14) {
      ::raise(SIGKILL);
    } else {
      host.reply_to(message, question * factor);
    }
  }
}

void chat(PriorityMessenger& host) {
  host.send_norequest(std::string("a note"), Channel::notes);
  while (true) host.send_reply(host.receive_blocking<int>(Channel::questions) + 1, Channel::questions);
}

void ignore_everything(PriorityMessenger& host) {
  ::signal(SIGTERM, SIG_IGN);
  host.send_norequest(1);
  for (;;) ::pause();
}

class Doubler {
 public:
  using messenger_type = coproc::MultiMessenger;
  explicit Doubler(coproc::MultiMessenger& host) : host_(host) {}
  void operator()() {
    while (true) host_.send_reply(2 * host_.receive_blocking<int>());
  }

 private:
  coproc::MultiMessenger& host_;
};

TEST(WorkerResourcePool, StartsAndStopsAllTogether) {
  WorkerResourcePool workers(5, answer);
  EXPECT_EQ(workers.size(), 5U);
  EXPECT_EQ(workers.alive(), 0U);
  workers.start(2);
  EXPECT_EQ(workers.alive(), 5U);
  std::set<int> pids;
  for (auto& worker : workers) pids.insert(worker.pid());
  EXPECT_EQ(pids.size(), 5U);
  for (const auto& status : workers.stop()) {
    EXPECT_TRUE(status.success());
    EXPECT_EQ(status.stopped_by, coproc::StopRung::close_request);
  }
  EXPECT_EQ(workers.alive(), 0U);
  workers.start(3);  // again
  EXPECT_EQ(workers.map_messages_ordered<int>(std::vector{1, 2}, {.channel = Channel::questions}).begin().operator*(),
            3);
}

TEST(WorkerResourcePool, AMoveAssignmentTakesTheStopOptionsAlong) {
  WorkerResourcePool workers(1, answer, {.stop = {.close = 0s, .terminate = 0s}});
  workers = WorkerResourcePool(2, answer);
  workers.start(2);
  for (const auto& status : workers.stop()) EXPECT_EQ(status.stopped_by, coproc::StopRung::close_request);
}

TEST(WorkerResourcePool, StoppingManyThatDoNotListenTakesAsLongAsOne) {
  WorkerResourcePool workers(6, ignore_everything);
  workers.start();
  for (auto& worker : workers) worker.messenger().receive_blocking<int>();
  for (const auto& status : workers.stop({.close = 10ms, .terminate = 10ms})) {
    EXPECT_EQ(status.signal(), SIGKILL);
    EXPECT_EQ(status.stopped_by, coproc::StopRung::kill);
  }
}

TEST(WorkerResourcePool, TerminateKillAndJoinAreForAll) {
  WorkerResourcePool workers(3, answer);
  workers.start(1);
  workers.terminate();
  for (const auto& status : workers.join()) EXPECT_EQ(status.signal(), SIGTERM);
  workers.start(1);
  workers.kill();
  for (const auto& status : workers.join()) EXPECT_EQ(status.signal(), SIGKILL);
}

TEST(WorkerResourcePool, AppliesAFunctionToEachWorker) {
  WorkerResourcePool workers(3, answer);
  workers.start(10);
  int question = 0;
  workers.apply_to_workers([&](auto& worker) { worker.messenger().send_request(++question, Channel::questions); });
  const std::vector<int> answers = workers.apply_to_workers(
      [](auto& worker) { return worker.messenger().template receive_blocking<int>(Channel::questions); });
  EXPECT_EQ(answers, (std::vector{10, 20, 30}));
}

TEST(WorkerResourcePool, MapsMessagesAsTheyComeAndInOrder) {
  WorkerResourcePool workers(3, answer);
  workers.start(2);
  std::vector<int> questions(1000);
  for (int i = 0; i < 1000; ++i) questions[static_cast<std::size_t>(i)] = 20 + i;
  std::map<std::uint64_t, int> came;
  std::set<std::size_t> answered_by;
  auto replies = workers.map_messages<int>(questions, {.channel = Channel::questions});
  for (auto at = replies.begin(); at != replies.end(); ++at) {
    came[at.index()] = *at;
    answered_by.insert(at.worker());
  }
  ASSERT_EQ(came.size(), 1000U);
  for (const auto& [index, value] : came) EXPECT_EQ(value, 2 * (20 + static_cast<int>(index)));
  EXPECT_EQ(answered_by.size(), 3U);

  int expected = 40;
  for (int value : workers.map_messages_ordered<int>(questions, {.channel = Channel::questions})) {
    EXPECT_EQ(value, expected);
    expected += 2;
  }
  EXPECT_EQ(expected, 40 + 2 * 1000);
}

TEST(WorkerResourcePool, MapsFewerMessagesThanWorkersAndNone) {
  WorkerResourcePool<Doubler> workers(4);
  workers.start();
  std::vector<int> values;
  for (const Message& reply : workers.map_messages(std::vector{21})) values.push_back(reply.get<int>());
  EXPECT_EQ(values, std::vector{42});
  for (const Message& reply : workers.map_messages(std::vector<int>())) ADD_FAILURE() << reply.type_name();
}

TEST(WorkerResourcePool, OtherMessagesNeitherDisturbAMapNorGetLost) {
  WorkerResourcePool workers(2, chat);
  workers.start();
  int sum = 0;
  for (int value : workers.map_messages<int>(std::vector{1, 2, 3}, {.channel = Channel::questions})) sum += value;
  EXPECT_EQ(sum, 9);
  for (auto& worker : workers) EXPECT_EQ(worker.messenger().receive_blocking<std::string>(Channel::notes), "a note");
}

TEST(WorkerResourcePool, AMapThatIsAbandonedLeavesNothingToTheNext) {
  WorkerResourcePool workers(2, answer);
  workers.start(1);
  std::vector<int> questions(100, 50);
  for (int i = 0; i < 10; ++i) {
    auto replies = workers.map_messages<int>(questions, {.channel = Channel::questions, .window = 8});
    EXPECT_EQ(*replies.begin(), 50);
  }
  std::vector<int> values;
  for (int value : workers.map_messages_ordered<int>(std::vector{1, 2, 3}, {.channel = Channel::questions})) {
    values.push_back(value);
  }
  EXPECT_EQ(values, (std::vector{1, 2, 3}));
}

TEST(WorkerResourcePool, ErrorsAndDeathsAreThrownInsideTheLoopAndTheRestGoesOn) {
  WorkerResourcePool workers(2, answer);
  workers.start(1);
  std::vector<int> values;
  int errors = 0;
  int deaths = 0;
  auto replies =
      workers.map_messages_ordered<int>(std::vector{1, 13, 2, 14, 3, 4}, {.channel = Channel::questions, .window = 1});
  for (int loops = 0; loops < 3; ++loops) {
    try {
      for (int value : replies) values.push_back(value);
    } catch (const std::invalid_argument&) {
      ++errors;
    } catch (const coproc::WorkerDiedError&) {
      ++deaths;
    }
  }
  EXPECT_EQ(values, (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(deaths, 1);
  EXPECT_EQ(workers.alive(), 1U);
}

TEST(WorkerResourcePool, AMapWithoutAnyWorkerLeftSaysSo) {
  WorkerResourcePool workers(1, answer);
  workers.start(1);
  auto replies = workers.map_messages<int>(std::vector{14, 1, 2, 3}, {.channel = Channel::questions});
  const auto read_all = [&] {
    for (int value : replies) (void)value;
  };
  EXPECT_THROW(read_all(), coproc::WorkerDiedError);
  EXPECT_THROW(read_all(), coproc::WorkerIsDeadError);
  EXPECT_NO_THROW(read_all());
  EXPECT_THROW(workers.map_messages<int>(std::vector{1}, {.window = 0}), coproc::InvalidArgumentError);
}

TEST(WorkerResourcePool, AStartThatFailsStopsThoseThatWereStarted) {
  WorkerResourcePool workers(3, answer, {.working_directory = "/"});
  workers.start(1);
  EXPECT_THROW(workers.start(1), coproc::WorkerIsAlreadyAliveError);
  workers.stop();
  workers[1].start(1);  // so that the second start fails
  EXPECT_THROW(workers.start(1), coproc::WorkerIsAlreadyAliveError);
  EXPECT_FALSE(workers[0].is_alive());
  EXPECT_TRUE(workers[1].is_alive());
}

}  // namespace
