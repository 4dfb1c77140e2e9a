// How long map_messages waits, and that it can be interrupted: nothing is lost by either.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::InterruptedError;
using coproc::TimeoutError;
using coproc::WorkerResourcePool;
using namespace pool_test;

namespace {

/// Receives nothing until the file has something in it.
void answer_after(coproc::PriorityMessenger& host, const std::string& path) {
  wait_for(path);
  for (;;) {
    const auto question = host.receive_blocking<std::string>();
    host.send_reply(question.substr(0, 1) + std::to_string(question.size()));
  }
}

class MapMessagesWaits : public testing::TestWithParam<bool> {
 protected:
  MapMessagesWaits() {
    coproc::WorkerOptions options;
    options.link.automatic_loans = false;
    workers = std::make_unique<WorkerResourcePool<decltype(&answer_after)>>(2, &answer_after, options);
    workers->start(go.path());
    // Large ones do not even find room in a link that nobody reads.
    const std::size_t bytes = GetParam() ? std::size_t{4} << 20 : 10;
    for (char letter = 'a'; letter != 'k'; ++letter) questions.push_back(std::string(bytes, letter));
  }

  coproc::RepliesOfWorkers<std::string> ask(coproc::Timeout each) {
    return workers->map_messages_ordered<std::string>(questions, {.each = each});
  }
  void expect_all(coproc::RepliesOfWorkers<std::string>& replies) {
    leave_mark(go.path());
    std::vector<std::string> all;
    while (all.size() != questions.size()) {  // a worker may need longer than it is given
      try {
        for (const std::string& reply : replies) all.push_back(reply);
      } catch (const TimeoutError&) {
        continue;
      }
      break;
    }
    std::vector<std::string> expected;
    for (const std::string& question : questions) expected.push_back(question[0] + std::to_string(question.size()));
    EXPECT_EQ(all, expected);
  }

  support::TemporaryFile go;
  std::unique_ptr<WorkerResourcePool<decltype(&answer_after)>> workers;
  std::vector<std::string> questions;
};

TEST_P(MapMessagesWaits, EndAtTheirTime) {
  auto replies = ask(20ms);
  for (int i = 0; i < 3; ++i) EXPECT_THROW((void)(replies.begin() == replies.end()), TimeoutError);
  expect_all(replies);
}

TEST_P(MapMessagesWaits, EndAtOnceWhereTheyHaveNoTime) {
  auto replies = ask(0s);
  EXPECT_THROW((void)(replies.begin() == replies.end()), TimeoutError);
  if (GetParam()) return leave_mark(go.path()), void();  // in no time at all nothing large is sent
  expect_all(replies);
}

TEST_P(MapMessagesWaits, EndWhereAWorkersMessengerIsInterrupted) {
  auto replies = ask(coproc::kForever);
  for (int i = 0; i < 3; ++i) {
    const std::jthread other([&] {
      std::this_thread::sleep_for(5ms);  // the wait that is under way, or the next one
      (*workers)[0].messenger().interrupt();
    });
    EXPECT_THROW((void)(replies.begin() == replies.end()), InterruptedError);
  }
  expect_all(replies);
}

INSTANTIATE_TEST_SUITE_P(Requests, MapMessagesWaits, testing::Bool(),
                         [](const auto& size) { return std::string(size.param ? "Large" : "Small"); });

}  // namespace
