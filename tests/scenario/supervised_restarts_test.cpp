// Workers that are started again: when, and when not, and what stays of them.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scenario/supervised_worker.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::Restart;
using coproc::RestartLimitError;
using coproc::RestartOptions;
using coproc::RestartWhen;
using coproc::Supervised;
using coproc::WorkerDiedError;

TEST(SupervisedRestarts, OneThatDiesAtItsStartIsGivenUpWithAllItsEnds) {
  struct Stillborn {
    static void run(PriorityMessenger& host, int lives) {
      if (lives == 0) ::_exit(7);
      tenfold(host);
    }
  };
  const coproc::Backoff backoff{.first = 0s, .then = 2ms, .factor = 2, .most = 8ms, .spread = 0};
  std::vector<std::chrono::steady_clock::time_point> starts;
  RestartOptions options{.most = 5, .backoff = backoff};
  options.on_restart = [&](const Restart&) { starts.push_back(std::chrono::steady_clock::now()); };
  Supervised worker{&Stillborn::run, {.name = "stillborn"}, options};
  const auto begin = std::chrono::steady_clock::now();
  worker.start(0);
  for (int i = 0; i < 5; ++i) EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  for (int i = 0; i < 2; ++i) {
    try {
      i == 0 ? (void)worker.messenger().receive_blocking() : worker.messenger().send_norequest(1);
      FAIL() << "it was started for a sixth time";
    } catch (const RestartLimitError& error) {
      EXPECT_EQ(error.statuses().size(), 6U);
      for (const coproc::ExitStatus& status : error.statuses()) EXPECT_EQ(status.code(), 7);
      EXPECT_THAT(error.what(), testing::HasSubstr("stillborn was started again 5 times"));
    }
  }
  ASSERT_EQ(starts.size(), 5U);
  std::chrono::nanoseconds due(0);
  for (std::size_t i = 0; i < 5; ++i) {
    due += backoff.delay(i);
    EXPECT_GE(starts[i] - begin, due);
  }
  EXPECT_EQ(worker.history().size(), 5U);
  worker.start(1);
  EXPECT_EQ(answer(worker, 4), 40);
}

TEST(SupervisedRestarts, AStartThatFailsCountsAsARestartAndIsInTheHistory) {
  const std::filesystem::path directory = std::filesystem::temp_directory_path() / std::to_string(::getpid());
  std::filesystem::create_directory(directory);
  Supervised worker{&tenfold, {.working_directory = directory}, {.most = 3, .backoff = {.then = 1ms}}};
  worker.start();
  std::filesystem::remove(directory);
  worker.kill();
  try {
    (void)worker.messenger().receive_blocking();
    FAIL() << "it was started";
  } catch (const RestartLimitError& error) {
    EXPECT_EQ(error.statuses().size(), 4U);
    EXPECT_THAT(error.what(), testing::HasSubstr(directory.string()));
  }
  const auto history = worker.history();
  ASSERT_EQ(history.size(), 3U);
  for (const Restart& restart : history) {
    EXPECT_EQ(restart.pid, 0);
    EXPECT_THAT(restart.start_error, testing::HasSubstr(directory.string()));
    EXPECT_EQ(restart.status.signal(), SIGKILL);
  }
  std::filesystem::create_directory(directory);
  worker.start();
  EXPECT_EQ(answer(worker, 4), 40);
  std::filesystem::remove(directory);
}

TEST(SupervisedRestarts, AnEndWithoutFailureIsFinalUnlessAllEndsCount) {
  for (const RestartWhen when : {RestartWhen::on_failure, RestartWhen::always, RestartWhen::never}) {
    RestartOptions options = at_once();
    options.when = when;
    Supervised worker{&tenfold, {}, options};
    worker.start();
    worker.messenger().send_norequest(when == RestartWhen::never ? kExits : kReturns);
    EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
    EXPECT_EQ(worker.is_alive(), when == RestartWhen::always);
    if (when == RestartWhen::always) continue;
    EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
    EXPECT_TRUE(worker.history().empty());
    worker.start();
    EXPECT_EQ(answer(worker, 4), 40);
  }
}

TEST(SupervisedRestarts, ACloseRequestIsDone) {
  Supervised worker{&tenfold, {}, at_once()};
  worker.start();
  worker.messenger().send_close_request();
  EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_FALSE(worker.is_alive());
  EXPECT_TRUE(worker.history().empty());
}

TEST(SupervisedRestarts, UnlessMakesAnEndFinal) {
  int asked = 0;
  RestartOptions options = at_once();
  options.unless = [&](const coproc::ExitStatus& status) {
    ++asked;
    return status.code() == 3;
  };
  Supervised worker{&tenfold, {}, options};
  worker.start();
  worker.kill();
  EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_TRUE(worker.is_alive());
  worker.messenger().send_norequest(kExits);
  for (int i = 0; i < 2; ++i) EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_FALSE(worker.is_alive());
  EXPECT_EQ(asked, 2);
}

TEST(SupervisedRestarts, OnRestartIsTheFirstToSend) {
  struct Named {
    static void run(PriorityMessenger& host) {
      const auto name = host.receive_blocking<std::string>();
      for (;;) host.receive_blocking<int>() == kExits ? ::_exit(3) : host.send_reply(name);
    }
  };
  std::optional<Supervised<decltype(&Named::run)>> worker;
  RestartOptions options = at_once();
  options.on_restart = [&](const Restart& restart) {
    worker->messenger().send_norequest("number " + std::to_string(restart.number));
  };
  worker.emplace(&Named::run, coproc::WorkerOptions(), options);
  worker->start();
  worker->messenger().send_norequest("first");
  PriorityMessenger& messenger = worker->messenger();
  messenger.send_norequest(kExits);
  EXPECT_THROW((void)messenger.receive_blocking(), WorkerDiedError);
  EXPECT_EQ(messenger.receive_reply<std::string>(messenger.send_request(1)), "number 1");
}

TEST(SupervisedRestarts, WhatOnRestartThrowsLeavesTheCallAndTheWorkerStays) {
  RestartOptions options = at_once();
  options.on_restart = [](const Restart&) { throw std::domain_error("no"); };
  Supervised worker{&tenfold, {}, options};
  worker.start();
  worker.kill();
  EXPECT_THROW((void)worker.messenger().receive_blocking(), std::domain_error);
  EXPECT_EQ(answer(worker, 4), 40);
}

TEST(SupervisedRestarts, InterruptsOfAnotherThreadMayMeetThem) {
  Supervised worker{&tenfold, {}, at_once()};
  worker.start();
  PriorityMessenger& messenger = worker.messenger();
  std::atomic<bool> is_over = false;
  std::thread other([&] {
    while (!is_over) messenger.interrupt();
  });
  for (int i = 0; i < 50; ++i) {
    worker.kill();
    for (bool was_told = false; !was_told;) {
      try {
        (void)messenger.receive_blocking();
      } catch (const coproc::InterruptedError&) {
      } catch (const WorkerDiedError&) {
        was_told = true;
      }
    }
  }
  is_over = true;
  other.join();
  EXPECT_EQ(worker.history().back().number, 50U);
}

TEST(SupervisedRestarts, AWorkerThatDiesInOnRestartIsReplacedByTheNextCall) {
  std::optional<Supervised<decltype(&tenfold)>> worker;
  RestartOptions options = at_once();
  options.on_restart = [&](const Restart& restart) {
    if (restart.number == 1) (void)worker->messenger().receive_reply<int>(worker->messenger().send_request(kExits));
  };
  worker.emplace(&tenfold, coproc::WorkerOptions(), options);
  worker->start();
  worker->kill();
  EXPECT_THROW((void)worker->messenger().receive_blocking(), WorkerDiedError);
  EXPECT_FALSE(worker->is_alive());
  EXPECT_THROW((void)worker->messenger().receive_blocking(), WorkerDiedError);
  EXPECT_EQ(answer(*worker, 4), 40);
  EXPECT_EQ(worker->history().size(), 2U);
}

namespace {

/// A worker's own view of its link.
std::span<std::byte> own_link_memory() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("coproc-link") == std::string::npos) continue;
    std::size_t dash = 0;
    const auto from = std::stoull(line, &dash, 16), to = std::stoull(line.substr(dash + 1), nullptr, 16);
    return {reinterpret_cast<std::byte*>(from), static_cast<std::size_t>(to - from)};
  }
  return {};
}

}  // namespace

TEST(SupervisedRestarts, AWorkerThatBreaksARuleOfItsLinkCostsOneErrorAndIsReplaced) {
  const support::Pipe written;
  Supervised worker{std::function<void(PriorityMessenger&)>([&](PriorityMessenger& host) {
                      if (host.receive_blocking<int>() != kExits) tenfold(host);
                      host.send_norequest(1);
                      const auto memory = own_link_memory();
                      for (std::byte& each : memory.subspan(memory.size() / 2)) each = std::byte(0xff);  // its ring
                      written.write(true);
                      support::sleep_for_ever();
                    }),
                    {.method = coproc::StartMethod::fork},
                    at_once()};
  worker.start();
  worker.messenger().send_norequest(kExits);
  EXPECT_TRUE(written.read<bool>());
  EXPECT_THROW((void)worker.messenger().receive_blocking(), coproc::ProtocolError);
  EXPECT_TRUE(worker.is_alive());
  worker.messenger().send_norequest(0);
  EXPECT_EQ(answer(worker, 4), 40);
  EXPECT_TRUE(worker.history().at(0).status.signalled());
}

/// It is stopped for that, and may end with exit code 0 then, which is no end without failure.
TEST(SupervisedRestarts, SoIsOneThatEndsPolitelyThen) {
  const support::Pipe written;
  Supervised worker{std::function<void(PriorityMessenger&)>([&](PriorityMessenger& host) {
                      if (host.receive_blocking<int>() != kExits) tenfold(host);
                      ::signal(SIGTERM, [](int) { ::_exit(0); });
                      host.send_norequest(1);
                      const auto memory = own_link_memory();
                      for (std::byte& each : memory.subspan(memory.size() / 2)) each = std::byte(0xff);  // its ring
                      written.write(true);
                      while (!host.close_requested()) {}
                      ::_exit(0);
                    }),
                    {.method = coproc::StartMethod::fork},
                    at_once()};
  worker.start();
  for (int i = 0; i < 20; ++i) {
    worker.messenger().send_norequest(kExits);
    EXPECT_TRUE(written.read<bool>());
    EXPECT_THROW((void)worker.messenger().receive_blocking(), coproc::ProtocolError);
    ASSERT_TRUE(worker.is_alive());
  }
}

TEST(SupervisedRestarts, OneThatWasMovedFromSaysSo) {
  Supervised worker{&tenfold, {}, at_once()};
  worker.start();
  Supervised moved = std::move(worker);
  EXPECT_EQ(answer(moved, 4), 40);
  EXPECT_FALSE(worker.is_alive());  // NOLINT: that is what is tested, here and below
  EXPECT_THROW(worker.start(), coproc::NoLinkError);
  EXPECT_THROW((void)worker.messenger(), coproc::NoLinkError);
  EXPECT_THROW(worker.stop(), coproc::NoLinkError);
  EXPECT_THROW(worker.kill(), coproc::NoLinkError);
  EXPECT_THROW((void)worker.look(), coproc::NoLinkError);
  EXPECT_THROW((void)worker.pid(), coproc::NoLinkError);
  EXPECT_THROW((void)worker.history(), coproc::NoLinkError);
}

TEST(SupervisedRestarts, StopAndFinishAreFinal) {
  for (const bool finishes : {false, true}) {
    Supervised worker{&tenfold, {}, at_once()};
    worker.start();
    EXPECT_TRUE(finishes ? worker.finish().success() : worker.stop().success());
    EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
    EXPECT_FALSE(worker.is_alive());
    worker.start();
    EXPECT_EQ(answer(worker, 4), 40);
  }
}

TEST(SupervisedRestarts, KeepsItsArgumentsAndItsPlaceMayChange) {
  struct Greeter {
    static void run(PriorityMessenger& host, std::string greeting, const std::vector<int>& numbers) {
      for (;;) host.send_reply(greeting + std::to_string(host.receive_blocking<int>() + numbers.at(1)));
    }
  };
  Supervised first{&Greeter::run, {}, at_once()};
  {
    std::string text = "hello ";
    first.start(text.c_str(), std::vector{1, 2});
    text.assign("gone  ");
  }
  Supervised worker = std::move(first);
  worker.kill();
  EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  PriorityMessenger& messenger = worker.messenger();
  EXPECT_EQ(messenger.receive_reply<std::string>(messenger.send_request(3)), "hello 5");
  Supervised other{&Greeter::run, {}, at_once()};
  other = std::move(worker);
  other.kill();
  EXPECT_THROW((void)other.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_EQ(other.history().size(), 2U);
}

namespace {

class Counter {
 public:
  Counter(PriorityMessenger& host, int begin) : host_(host), count_(begin) {}
  void operator()() {
    for (;;) {
      if (host_.receive_blocking<int>() == kExits) ::_exit(3);
      host_.send_reply(++count_);
    }
  }

 private:
  PriorityMessenger& host_;
  int count_;
};

}  // namespace

TEST(SupervisedRestarts, AClassIsConstructedAnewInEachWorker) {
  Supervised<Counter> worker{std::in_place, {}, at_once()};
  worker.start(100);
  EXPECT_EQ(answer(worker, 0), 101);
  EXPECT_EQ(answer(worker, 0), 102);
  worker.messenger().send_norequest(kExits);
  EXPECT_THROW((void)worker.messenger().receive_blocking(), WorkerDiedError);
  EXPECT_EQ(answer(worker, 0), 101);
}
