// Loans between hosts and workers.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "os/fd.hpp"
#include "support/loans.hpp"
#include "support/process.hpp"

using coproc::Message;
using coproc::PriorityMessenger;
using coproc::SharedBuffer;
using coproc::WorkerResource;
using support::counted;
using support::Frame;
using support::is_counted;
using support::kMiB;

namespace {

/// Adds to what it is sent, where it lies; sends a buffer of its own for an int.
void adder(PriorityMessenger& host) {
  while (true) {
    host.receive_blocking().match(
        [&](Frame frame) {
          for (float& pixel : frame.pixels) pixel += 1;
          auto answer = host.loan<float>(frame.pixels.size());
          std::copy(frame.pixels.begin(), frame.pixels.end(), answer.begin());
          host.send_reply(Frame{frame.id + 1, std::move(answer)});
        },
        [&](int first) { host.send_norequest(counted(host, 100'000, first)); },
        [&](const std::vector<float>& values) { host.send_reply(values); },
        [&](const SharedBuffer<int>& buffer) { host.send_norequest(is_counted(buffer, buffer.size())); });
  }
}

struct Loans : ::testing::TestWithParam<coproc::StartMethod> {
  WorkerResource<void (*)(PriorityMessenger&)> worker{adder, {.method = GetParam()}};
};

}  // namespace

TEST_P(Loans, GoBothWays) {
  worker.start();
  for (int i = 0; i < 50; ++i) {
    Frame frame{i, worker.messenger().loan<float>(kMiB)};
    frame.pixels[0] = static_cast<float>(i);
    frame.pixels[kMiB - 1] = 7;
    worker.messenger().send_request(frame);
    const auto back = worker.messenger().receive_blocking<Frame>();
    EXPECT_EQ(back.id, i + 1);
    ASSERT_EQ(back.pixels.size(), kMiB);
    EXPECT_EQ(back.pixels[0], static_cast<float>(i + 1));
    EXPECT_EQ(back.pixels[kMiB - 1], 8.0f);
  }
}

TEST_P(Loans, OutliveTheWorkerThatSentThem) {
  worker.start();
  worker.messenger().send_norequest(10);
  worker.messenger().send_norequest(20);
  auto received = worker.messenger().receive_blocking<SharedBuffer<int>>();
  const Message message = worker.messenger().receive_blocking();
  worker.kill();
  worker.join();
  EXPECT_TRUE(is_counted(received, 100'000, 10));
  EXPECT_TRUE(is_counted(message.get<SharedBuffer<int>>(), 100'000, 20));
  worker.start();
  worker.messenger().send_norequest(30);
  EXPECT_TRUE(is_counted(worker.messenger().receive_blocking<SharedBuffer<int>>(), 100'000, 30));
  EXPECT_TRUE(is_counted(received, 100'000, 10));
  // One of the first run's goes to the second's worker as a copy.
  std::iota(received.begin(), received.end(), 0);
  worker.messenger().send_norequest(received);
  EXPECT_TRUE(worker.messenger().receive_blocking<bool>());
  EXPECT_EQ(received.size(), 100'000u);
}

INSTANTIATE_TEST_SUITE_P(Method, Loans,
                         ::testing::Values(coproc::StartMethod::fork, coproc::StartMethod::fork_server,
                                           coproc::StartMethod::spawn),
                         [](const auto& method) {
                           return std::string(method.param == coproc::StartMethod::fork          ? "fork"
                                              : method.param == coproc::StartMethod::fork_server ? "fork_server"
                                                                                                 : "spawn");
                         });

TEST(LoansToWorkers, AGibibyteIsTouchedAtItsEndsOnly) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          auto buffer = host.receive_blocking<SharedBuffer<std::uint64_t>>();
                          host.send_norequest(buffer[0] + buffer[buffer.size() - 1]);
                        },
                        {.link = {.max_message_bytes = std::size_t{2} << 30}}};
  worker.start();
  auto buffer = worker.messenger().loan<std::uint64_t>((std::size_t{1} << 30) / 8);
  buffer[0] = 40;
  buffer[buffer.size() - 1] = 2;
  worker.messenger().send_norequest(std::move(buffer));
  EXPECT_EQ(worker.messenger().receive_blocking<std::uint64_t>(), 42u);
}

TEST(LoansToWorkers, AWorkerThatIsKilledKeepsNothing) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          const auto kept = host.receive_blocking<SharedBuffer<int>>();
                          host.send_norequest(1);
                          support::sleep_for_ever();
                        },
                        {.link = {.loan_bytes = kMiB}}};
  for (int i = 0; i < 3; ++i) {
    worker.start();
    worker.messenger().send_norequest(counted(worker.messenger(), 200'000));
    EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
    EXPECT_THROW((void)worker.messenger().loan(500'000), coproc::LoanError);
    worker.kill();
    worker.join();
    EXPECT_THROW((void)worker.messenger().loan(1), coproc::WorkerDiedError);
  }
}

/// What a worker's link has of the system's memory, also after the worker's end.
class MemoryOfLink {
 public:
  explicit MemoryOfLink(int worker) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(worker) + "/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone).string().find("coproc-link") != std::string::npos)
        fd_ = coproc::os::Fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    }
  }
  std::int64_t bytes() const {
    struct stat status {};
    EXPECT_EQ(::fstat(fd_.get(), &status), 0);
    return status.st_blocks * std::int64_t{512};
  }

 private:
  coproc::os::Fd fd_;
};

TEST(LoansToWorkers, AStoppedWorkersMemoryIsTheSystemsAgain) {
  constexpr std::int64_t kMebi = kMiB;
  WorkerResource worker{[](PriorityMessenger& host) {
    std::vector<Message> kept;
    kept.push_back(host.receive_blocking());  // by then the host has looked how much there is at the beginning
    auto never_sent = host.loan<char>(4 * kMiB);
    std::fill(never_sent.begin(), never_sent.end(), 'x');
    for (int i = 0;; ++i) {
      if (i != 0) kept.push_back(host.receive_blocking());
      host.send_norequest(counted(host, kMiB, i));
    }
  }};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  const MemoryOfLink memory(worker.pid());
  const std::int64_t before = memory.bytes();
  std::optional<SharedBuffer<int>> sixth;
  std::vector<SharedBuffer<int>> all;
  SharedBuffer<int> own = counted(messenger, kMiB, 0), shared = counted(messenger, kMiB, 5).share();
  messenger.send_norequest(shared);
  for (int i = 0; i < 10; ++i) {
    if (i != 0) messenger.send_norequest(counted(messenger, kMiB, i));
    auto received = messenger.receive_blocking<SharedBuffer<int>>();
    if (i != 6)
      all.push_back(std::move(received));
    else
      sixth = std::move(received);
  }
  messenger.send_norequest(counted(messenger, kMiB, 1));  // its answer is not received
  EXPECT_GT(memory.bytes(), before + 80 * kMebi);
  all.clear();
  EXPECT_TRUE(worker.finish().success());
  // 4 MiB each: what was received and is kept, what is in the inbox, one's own, and one that is shared.
  EXPECT_NEAR(double(memory.bytes() - before), double(16 * kMebi), double(kMebi));
  EXPECT_TRUE(is_counted(*sixth, kMiB, 6));
  EXPECT_TRUE(is_counted(messenger.receive_blocking<SharedBuffer<int>>(), kMiB, 10));
  EXPECT_THROW((void)messenger.receive_blocking(), coproc::WorkerDiedError);
  EXPECT_TRUE(is_counted(own, kMiB));
  EXPECT_TRUE(is_counted(shared, kMiB, 5));
  own = {};
  shared = {};
  sixth.reset();
  EXPECT_NEAR(double(memory.bytes() - before), 0, double(kMebi));
}

TEST(LoansToWorkers, WhatTheLinkStillHoldsOfAStoppedWorkerIsWhole) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          for (int i = 0; i < 4; ++i) host.send_norequest(counted(host, kMiB, i));
                        },
                        {.link = {.max_queued_bytes = 4 * kMiB + 1000}}};
  worker.start();
  EXPECT_TRUE(worker.join().success()) << "the inbox takes one, and the others stay in the link";
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(is_counted(worker.messenger().receive_blocking<SharedBuffer<int>>(), kMiB, i));
}

TEST(LoansToWorkers, APairJoinsTwoWorkersWithThem) {
  const auto send = [](PriorityMessenger& host, PriorityMessenger neighbour) {
    neighbour.send_norequest(counted(neighbour, 300'000));
    (void)host.receive_for<int>(coproc::kForever);
  };
  const auto receive = [](PriorityMessenger& host, PriorityMessenger neighbour) {
    host.send_norequest(is_counted(neighbour.receive_blocking<SharedBuffer<int>>(), 300'000));
  };
  auto [left, right] = PriorityMessenger::new_pair();
  WorkerResource sender{send};
  WorkerResource receiver{receive};
  sender.start(std::move(left));
  receiver.start(std::move(right));
  EXPECT_TRUE(receiver.messenger().receive_blocking<bool>());
}

TEST(LoansToWorkers, AFreshEndOfAPairWhoseOtherEndHasLentGoesToAForkedWorker) {
  auto [left, right] = PriorityMessenger::new_pair();
  left.send_norequest(counted(left, 1000));
  WorkerResource worker{[](PriorityMessenger& host, PriorityMessenger neighbour) {
                          host.send_norequest(is_counted(neighbour.receive_blocking<SharedBuffer<int>>(), 1000));
                          neighbour.send_norequest(counted(neighbour, 500));
                        },
                        {.method = coproc::StartMethod::fork}};
  worker.start(std::move(right));
  EXPECT_TRUE(worker.messenger().receive_blocking<bool>());
  EXPECT_TRUE(is_counted(left.receive_blocking<SharedBuffer<int>>(), 500));
  // One that has lent itself cannot go.
  auto [a, b] = PriorityMessenger::new_pair();
  b.send_norequest(counted(b, 1000));
  WorkerResource other{[](PriorityMessenger&, PriorityMessenger) {}, {.method = coproc::StartMethod::fork}};
  EXPECT_THROW(other.start(std::move(b)), coproc::InvalidArgumentError);
}

TEST(LoansToWorkers, AStartArgumentIsACopy) {
  WorkerResource worker{[](PriorityMessenger& host, const SharedBuffer<int>& buffer) {
                          host.send_norequest(is_counted(buffer, 1000));
                          host.send_norequest(buffer);
                        },
                        {.method = coproc::StartMethod::fork_server}};
  auto [a, b] = PriorityMessenger::new_pair();
  worker.start(counted(a, 1000));
  EXPECT_TRUE(worker.messenger().receive_blocking<bool>());
  EXPECT_TRUE(is_counted(worker.messenger().receive_blocking<SharedBuffer<int>>(), 1000));
}

TEST(LoansToWorkers, AForkedChildHasNoneAndGivesNothingBack) {
  auto [a, b] = PriorityMessenger::new_pair({.loan_bytes = kMiB});
  a.send_norequest(counted(a, 100'000));
  std::optional received(b.receive_blocking<SharedBuffer<int>>());
  std::optional unsent(counted(a, 50'000));
  a.send_norequest(std::string(100'000, 'x'));
  std::optional message(b.receive_blocking());
  const pid_t child = ::fork();
  if (child == 0) {
    const auto throws = [](auto& buffer) {
      try {
        (void)buffer->data();
        return false;
      } catch (const coproc::NotOwnerError&) {
        return true;
      }
    };
    bool all = throws(received) && throws(unsent);
    try {
      (void)message->get<std::string>();
      all = false;
    } catch (const coproc::NotOwnerError&) {}
    received.reset();
    unsent.reset();
    ::_exit(all ? 0 : 1);
  }
  EXPECT_EQ(support::end_of(child), "exit 0");
  EXPECT_THROW((void)a.loan(500'000), coproc::LoanError);
  EXPECT_TRUE(is_counted(*received, 100'000));
  EXPECT_TRUE(is_counted(*unsent, 50'000));
  received.reset();
  unsent.reset();
  message.reset();
  EXPECT_EQ(a.loan(kMiB).size(), kMiB);
}

TEST(LoansToWorkers, AForkedWorkerMapsNothingOfAnothersLoans) {
  WorkerResource first{adder};
  first.start();
  first.messenger().send_norequest(1);
  const auto kept = first.messenger().receive_blocking<SharedBuffer<int>>();
  WorkerResource second{[](PriorityMessenger& host) {
                          std::ifstream maps("/proc/self/maps");
                          int links = 0;
                          for (std::string line; std::getline(maps, line);)
                            links += line.find("coproc-link") != line.npos;
                          host.send_norequest(links);
                        },
                        {.method = coproc::StartMethod::fork}};
  second.start();
  EXPECT_EQ(second.messenger().receive_blocking<int>(), 1);  // its own header and rings
  EXPECT_TRUE(is_counted(kept, 100'000, 1));
}
