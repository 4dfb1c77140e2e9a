// No one gets in: promises 11 to 13.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <cstddef>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

/// The worker's own view of its link.
std::span<std::byte> link_memory() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("coproc-link") == std::string::npos) continue;
    std::size_t dash = 0, end = 0;
    const auto from = std::stoull(line, &dash, 16), to = std::stoull(line.substr(dash + 1), &end, 16);
    return {reinterpret_cast<std::byte*>(from), static_cast<std::size_t>(to - from)};
  }
  return {};
}

}  // namespace

TEST(Promises, promise_11_a_worker_that_scribbles_over_its_link_costs_one_error) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  int protocol_errors = 0;
  for (unsigned round = 0; round < 40; ++round) {
    WorkerResource worker{
        [seed, round](PriorityMessenger& host) {
          std::mt19937 random(seed + round);
          for (int i = 0; i < 5; ++i) host.send_norequest(i);
          const auto memory = link_memory();
          // The first 4096 bytes hold the header; the second ring, from the middle on, is what the host reads.
          for (int i = 0; i < 2000; ++i) {
            const std::size_t at = random() % 3 == 0 ? random() % 512 : random() % memory.size();
            memory[at] = std::byte(random());
          }
          while (true) ::pause();
        },
        {.stop = {.close = 0s, .terminate = 10s}, .link = {.max_message_bytes = 1 << 20, .max_queued_bytes = 1 << 22}}};
    worker.start();
    for (int i = 0; i < 40; ++i) {
      try {
        if (i % 2 == 0) (void)worker.messenger().receive_for<coproc::Message>(1ms);
        (void)worker.messenger().try_send(std::string(3000, 'x'));
      } catch (const coproc::ProtocolError& error) {
        ++protocol_errors;
        EXPECT_NE(std::string(error.what()).find("link"), std::string::npos);
        break;
      } catch (const coproc::Error&) {  // a forged close request, say: the link goes on
      }
    }
    EXPECT_EQ(worker.stop().signal(), SIGTERM);
  }
  EXPECT_GT(protocol_errors, 0);
}

TEST(Promises, promise_12_a_full_inbox_pushes_back_on_the_sender) {
  coproc::WorkerOptions options;
  options.link.max_queued_bytes = 1 << 20;
  WorkerResource worker{[](PriorityMessenger& host) {
                          while (host.try_send(std::string(10000, 'x')) || !host.receive_for<int>(10ms)) {}
                        },
                        options};
  worker.start();
  while (worker.messenger().available() < 90) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) EXPECT_LT(worker.messenger().available(), 110u);
  worker.messenger().send_norequest(1);
  while (worker.is_alive()) worker.messenger().receive_available();
}

TEST(Promises, promise_13_type_mistakes_are_errors_and_lose_nothing) {
  auto [a, b] = PriorityMessenger::new_pair();
  a.send_norequest("text", "lane");
  a.send_norequest(5, "lane");
  try {
    b.receive_blocking<int>("lane");
    FAIL();
  } catch (const coproc::TypeMismatchError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("string"), std::string::npos) << text;
    EXPECT_NE(text.find("int32"), std::string::npos) << text;
    EXPECT_NE(text.find("\"lane\""), std::string::npos) << text;
  }
  EXPECT_THROW(b.receive_available<std::string>("lane"), coproc::TypeMismatchError);
  EXPECT_EQ(b.available("lane"), 2u);
  EXPECT_EQ(b.receive_blocking<std::string>("lane"), "text");
  EXPECT_EQ(b.receive_blocking<int>("lane"), 5);
  const auto id = a.send_request(1);
  b.send_reply(b.receive_blocking<int>());
  EXPECT_THROW(a.receive_reply<std::string>(id), coproc::TypeMismatchError);
  EXPECT_EQ(a.receive_reply<int>(id), 1);
}
