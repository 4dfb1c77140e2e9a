// The life of a worker, as a user sees it.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::MultiMessenger;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void echo(PriorityMessenger& host) {
  while (true) host.send_reply(host.receive_blocking<std::string>());
}

void add(PriorityMessenger& host, int a, double b, std::string text, bool flag) {
  host.send_norequest(std::to_string(a) + " " + std::to_string(b) + " " + text + (flag ? " yes" : " no"));
}

struct Counter {
  int count = 0;
  void operator()(PriorityMessenger& host) {
    while (true) {
      (void)host.receive_blocking<int>();
      host.send_reply(++count);
    }
  }
};

class Indexer {
 public:
  Indexer(PriorityMessenger& host, std::string path) : host_(host), path_(std::move(path)) {
    if (path_.empty()) throw std::invalid_argument("an empty path");
  }
  void operator()() { host_.send_norequest(path_ + " in " + std::to_string(::getpid())); }

 private:
  PriorityMessenger& host_;
  std::string path_;
};

TEST(Worker, RunsAFunction) {
  WorkerResource worker{echo};
  worker.start();
  worker.messenger().send_request("hello");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "hello");
  EXPECT_TRUE(worker.is_alive());
  EXPECT_NE(worker.pid(), ::getpid());
  const ExitStatus status = worker.stop();
  EXPECT_TRUE(status.success()) << status.describe();
  EXPECT_EQ(status.stopped_by, coproc::StopRung::close_request);
  EXPECT_FALSE(worker.is_alive());
}

TEST(Worker, TakesStartArgumentsAsThreadsDo) {
  WorkerResource worker{add};
  worker.start(1, 2.5f, "text", true);
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "1 2.500000 text yes");
  EXPECT_TRUE(worker.join().success());
}

TEST(Worker, RunsACapturingLambda) {
  const std::string greeting = "hi ";
  WorkerResource worker{
      [&greeting](MultiMessenger& host, const std::string& name) { host.send_norequest(greeting + name); }};
  worker.start("there");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "hi there");
}

TEST(Worker, CopiesACallableObjectAtEachStart) {
  WorkerResource worker{Counter{10}};
  for (int run = 0; run < 3; ++run) {
    worker.start();
    worker.messenger().send_request_multiple({0, 0});
    std::vector<int> counts;
    for (int count : worker.messenger().receive_remaining<int>()) counts.push_back(count);
    EXPECT_EQ(counts, (std::vector{11, 12}));
    worker.stop();
  }
}

TEST(Worker, ConstructsAClassTargetInTheWorker) {
  WorkerResource<Indexer> worker;
  worker.start("/tree");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "/tree in " + std::to_string(worker.pid()));
  EXPECT_TRUE(worker.join().success());
}

/// Its messenger is that of its constructor.
class NumberCounter {
 public:
  NumberCounter(MultiMessenger& host, std::string name, const std::vector<int>& numbers)
      : host_(host), name_(std::move(name)), numbers_(numbers) {}
  void operator()() { host_.send_norequest(name_ + std::to_string(numbers_.size())); }

 private:
  MultiMessenger& host_;
  std::string name_;
  std::vector<int> numbers_;
};

TEST(Worker, AClassTargetSaysByItsConstructorWhichMessengerItWants) {
  WorkerResource<NumberCounter> worker;
  static_assert(std::same_as<decltype(worker.messenger()), MultiMessenger&>);
  worker.start("numbers: ", std::vector{1, 2, 3});
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "numbers: 3");
  EXPECT_TRUE(worker.join().success());
}

TEST(Worker, ReportsAConstructorThatThrows) {
  WorkerResource<Indexer> worker;
  worker.start("");
  EXPECT_THROW(worker.messenger().receive_blocking<std::string>(), std::invalid_argument);
  EXPECT_EQ(worker.join().code(), 1);
}

TEST(Worker, StartsAgainAfterItsEnd) {
  WorkerResource worker{echo};
  auto* const messenger = &worker.messenger();
  worker.start();
  const int first = worker.pid();
  worker.terminate();
  EXPECT_EQ(worker.join().signal(), SIGTERM);
  worker.start();
  EXPECT_NE(worker.pid(), first);
  EXPECT_EQ(&worker.messenger(), messenger);
  worker.messenger().send_request("again");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "again");
}

TEST(Worker, MovesWithItsMessenger) {
  WorkerResource worker{echo};
  worker.start();
  auto& messenger = worker.messenger();
  WorkerResource moved = std::move(worker);
  EXPECT_EQ(&moved.messenger(), &messenger);
  messenger.send_request("x");
  EXPECT_EQ(messenger.receive_blocking<std::string>(), "x");
  EXPECT_THROW(worker.stop(), coproc::NoLinkError);
  const int pid = moved.pid();
  moved = WorkerResource{echo};  // moving over a live worker stops it
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(Worker, ALambdaMayBeMovedOver) {
  auto make = [](int number) {
    return WorkerResource{[number](PriorityMessenger& host) {
      host.send_norequest(number);
      host.receive_blocking();
    }};
  };
  auto worker = make(1);
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  worker = make(2);
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 2);
}

TEST(Worker, RefusesToStartTwice) {
  WorkerResource worker{echo};
  worker.start();
  try {
    worker.start();
    FAIL();
  } catch (const coproc::WorkerIsAlreadyAliveError& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(worker.pid())), std::string::npos);
  }
}

TEST(Worker, SaysThatItNeverStarted) {
  WorkerResource worker{echo, {.name = "sleeper"}};
  EXPECT_FALSE(worker.is_alive());
  EXPECT_EQ(worker.exit_status(), std::nullopt);
  EXPECT_THROW(worker.stop(), coproc::NoLinkError);
  EXPECT_THROW(worker.join(), coproc::WorkerIsAlreadyDeadError);  // the earlier name
  EXPECT_THROW(worker.terminate(), coproc::NoLinkError);
  EXPECT_THROW(worker.kill(), coproc::NoLinkError);
  EXPECT_THROW(worker.messenger().send_norequest("x"), coproc::NoLinkError);
  EXPECT_THROW(worker.messenger().receive_blocking(), coproc::NoLinkError);
}

TEST(Worker, EndingAnEndedWorkerDoesNothing) {
  WorkerResource worker{[](PriorityMessenger&) {}};
  worker.start();
  EXPECT_TRUE(worker.join().success());
  EXPECT_TRUE(worker.stop().success());
  EXPECT_TRUE(worker.join().success());
  worker.terminate();
  worker.kill();
  EXPECT_EQ(worker.exit_status()->stopped_by, coproc::StopRung::none);
}

TEST(Worker, JoinForGivesUp) {
  WorkerResource worker{echo};
  worker.start();
  EXPECT_EQ(worker.join_for(1ms), std::nullopt);
  EXPECT_TRUE(worker.is_alive());
  worker.messenger().send_close_request();
  EXPECT_TRUE(worker.join().success());
}

TEST(Worker, TellsTheExitCodeAndTheSignal) {
  WorkerResource leaves{[](PriorityMessenger&) { std::exit(7); }};
  leaves.start();
  EXPECT_EQ(leaves.join().code(), 7);
  WorkerResource crashes{[](PriorityMessenger&) { ::raise(SIGKILL); }};
  crashes.start();
  const ExitStatus status = crashes.join();
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_EQ(status.stopped_by, coproc::StopRung::none);
  EXPECT_NE(status.describe().find("SIGKILL"), std::string::npos);
}

TEST(Worker, HasItsOwnNameEnvironmentDirectoryAndStdio) {
  ::setenv("COPROC_TEST_GONE", "here", 1);
  const std::string out = ::testing::TempDir() + "coproc_worker_stdio_" + std::to_string(::getpid());
  coproc::WorkerOptions options;
  options.name = "namesake";
  options.env = {{"COPROC_TEST_SET", "value"}, {"COPROC_TEST_GONE", std::nullopt}};
  options.working_directory = "/";
  options.stdin_ = coproc::DevNull{};
  options.stdout_ = coproc::OutputFile{out};
  WorkerResource worker{
      [](PriorityMessenger& host) {
        std::string comm;
        std::getline(std::ifstream("/proc/self/comm") >> std::ws, comm);
        char directory[64] = "";
        if (::getcwd(directory, sizeof directory) == nullptr) directory[0] = '?';
        char byte = 0;
        const bool is_empty = ::read(0, &byte, 1) == 0;
        std::puts("printed in the worker");
        const char* set = std::getenv("COPROC_TEST_SET");
        host.send_norequest(std::vector<std::string>{comm, set != nullptr ? set : "",
                                                     std::getenv("COPROC_TEST_GONE") == nullptr ? "gone" : "there",
                                                     directory, is_empty ? "empty" : "data"});
      },
      options};
  worker.start();
  EXPECT_EQ((worker.messenger().receive_blocking<std::vector<std::string>>()),
            (std::vector<std::string>{"namesake", "value", "gone", "/", "empty"}));
  EXPECT_TRUE(worker.join().success());
  std::string line;
  std::getline(std::ifstream(out), line);
  EXPECT_EQ(line, "printed in the worker");
  ::unlink(out.c_str());
  ::unsetenv("COPROC_TEST_GONE");
}

TEST(Worker, ReportsASetUpThatFails) {
  coproc::WorkerOptions options;
  options.working_directory = "/no/such/directory";
  WorkerResource worker{echo, options};
  try {
    worker.start();
    FAIL();
  } catch (const coproc::StartError& error) {
    EXPECT_EQ(error.error_number(), ENOENT);
    EXPECT_NE(std::string(error.what()).find("/no/such/directory"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(worker.is_alive());
}

TEST(Worker, AWorkersCloseRequestIsAnErrorAtItsHost) {
  WorkerResource worker{[](PriorityMessenger& host) {
    host.send_close_request();
    host.receive_blocking();
  }};
  worker.start();
  EXPECT_THROW(worker.messenger().receive_blocking(), coproc::WorkerRequestedClose);
}

TEST(Worker, TwoWorkersTalkThroughAPair) {
  auto [a, b] = PriorityMessenger::new_pair();
  WorkerResource asks{[](PriorityMessenger& host, PriorityMessenger peer) {
    peer.send_request(20);
    host.send_norequest(peer.receive_blocking<int>());
  }};
  WorkerResource answers{
      [](PriorityMessenger&, PriorityMessenger peer) { peer.send_reply(peer.receive_blocking<int>() + 1); }};
  asks.start(std::move(a));
  answers.start(std::move(b));
  EXPECT_EQ(asks.messenger().receive_blocking<int>(), 21);
  EXPECT_TRUE(asks.join().success());
  EXPECT_TRUE(answers.join().success());
}

TEST(Worker, StopsFromAnotherThreadWhileAReceiveWaits) {
  WorkerResource worker{echo};
  worker.start();
  std::thread stopper([&] { worker.stop(); });
  EXPECT_THROW(worker.messenger().receive_blocking(), coproc::WorkerDiedError);
  stopper.join();
}

TEST(Worker, ManyAtOnce) {
  std::vector<WorkerResource<Counter>> workers;
  for (int i = 0; i < 50; ++i) {
    workers.emplace_back(Counter{i});
    workers.back().start();
  }
  for (auto& worker : workers) worker.messenger().send_request(0);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(workers[static_cast<std::size_t>(i)].messenger().receive_blocking<int>(), i + 1);
}

}  // namespace
