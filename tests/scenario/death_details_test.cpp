// What is told of a worker's end: unanswered requests, time and memory, the last of its stderr.
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/descendants.hpp"

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::PriorityMessenger;
using coproc::RequestId;
using coproc::WorkerResource;

namespace {

using Ids = std::vector<RequestId>;

/// Answers the second of three requests, then crashes.
void answers_one(PriorityMessenger& host) {
  for (int i = 0; i < 3; ++i) {
    const coproc::Message request = host.receive_blocking();
    if (i == 1) host.reply_to(request, 20);
  }
  ::raise(SIGABRT);
}

Ids send_three(PriorityMessenger& worker) {
  return {worker.send_request(1), worker.send_request(2), worker.send_request(3)};
}

void print(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (n <= 0) ::_exit(99);
    done += static_cast<std::size_t>(n);
  }
}

/// More than any pipe holds.
std::string much() {
  std::string text;
  for (int i = 0; text.size() < (3u << 20); ++i) text += "line " + std::to_string(i) + std::string(100, '.') + "\n";
  return text;
}

void prints_much(PriorityMessenger& host) {
  print(much());
  host.send_norequest("printed");
}

TEST(DeathDetails, TellsTheRequestsThatWereNotAnswered) {
  WorkerResource worker{answers_one, {.name = "answers"}};
  worker.start();
  const Ids ids = send_three(worker.messenger());
  try {
    while (true) (void)worker.messenger().receive_blocking("another channel");
    FAIL();
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().unanswered, (Ids{ids[0], ids[2]}));
    EXPECT_NE(std::string(error.what()).find("report()"), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
  EXPECT_EQ(worker.messenger().receive_reply<int>(ids[1]), 20);  // a reply that has come counts as one, received or not
  EXPECT_EQ(worker.exit_status()->unanswered, (Ids{ids[0], ids[2]}));
  EXPECT_THROW(worker.messenger().receive_reply<int>(ids[0]), coproc::WorkerDiedError);
}

TEST(DeathDetails, StopTellsThemToo) {
  WorkerResource worker{[](PriorityMessenger& host) {
    while (true) (void)host.receive_blocking();
  }};
  worker.start();
  const Ids ids = send_three(worker.messenger());
  EXPECT_EQ(worker.stop().unanswered, ids);
  worker.start();
  EXPECT_TRUE(worker.stop().unanswered.empty());  // another run, another link
}

TEST(DeathDetails, ASendThatSeesTheEndTellsThemToo) {
  WorkerResource worker{answers_one};
  worker.start();
  const Ids ids = send_three(worker.messenger());
  try {
    while (true) worker.messenger().send_norequest(std::string(1000, 'x'));
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().unanswered, (Ids{ids[0], ids[2]}));
  }
}

TEST(DeathDetails, ASendToAStoppedWorkerIsAnError) {
  WorkerResource worker{[](PriorityMessenger& host) {
    for (int i = 0; i < 3; ++i) host.send_norequest(i);
  }};
  worker.start();
  EXPECT_TRUE(worker.join().success());
  EXPECT_THROW(worker.messenger().send_norequest(1), coproc::WorkerDiedError);
  EXPECT_EQ(worker.messenger().receive_available<int>(), (std::vector<int>{0, 1, 2}));
}

TEST(DeathDetails, TellsTimeAndMemoryOfACrash) {
  WorkerResource worker{[](PriorityMessenger&) {
    const std::vector<char> memory(32 << 20, 'x');
    for (const auto end = std::chrono::steady_clock::now() + 30ms; std::chrono::steady_clock::now() < end;) {}
    ::raise(memory[1] == 'x' ? SIGABRT : SIGKILL);
  }};
  worker.start();
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGABRT);
  EXPECT_GT((status.resources.user_time + status.resources.system_time).count(), 0);
  EXPECT_GE(status.resources.peak_memory_kib, 32 << 10);
  EXPECT_NE(status.report().find("peak memory: " + std::to_string(status.resources.peak_memory_kib)),
            std::string::npos);
}

TEST(DeathDetails, KeepsTheEndOfTheStderrWhoeverWaits) {
  const std::string all = much();
  const std::string expected = all.substr(all.size() - 4096);
  using Worker = WorkerResource<void (*)(PriorityMessenger&)>;
  const std::vector<std::function<void(Worker&)>> waits = {
      [](Worker& worker) { EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "printed"); },
      [](Worker& worker) {
        while (worker.messenger().receive_available().empty()) std::this_thread::yield();
      },
      [](Worker& worker) {
        coproc::Messenger* const all_of_them[] = {&worker.messenger()};
        EXPECT_EQ(coproc::wait_any(all_of_them), 0u);
      },
      [](Worker& worker) { EXPECT_TRUE(worker.join().success()); },
      [](Worker& worker) { EXPECT_TRUE(worker.stop({.close = coproc::kForever}).success()); },
      [](Worker& worker) {  // a send that waits for space
        EXPECT_THROW(while (true) worker.messenger().send_norequest(std::string(1000, 'x')), coproc::WorkerDiedError);
      },
      [](Worker& worker) {  // an event loop
        pollfd handle = {worker.messenger().native_handle(), POLLIN, 0};
        do {
          ASSERT_EQ(::poll(&handle, 1, -1), 1);
        } while (worker.messenger().receive_available().empty());
      }};
  for (const auto& wait : waits) {
    SCOPED_TRACE(&wait - waits.data());
    Worker worker{&prints_much, {.capture_stderr = true}};
    worker.start();
    wait(worker);
    EXPECT_EQ(worker.join().stderr_tail, expected);
  }
}

TEST(DeathDetails, EachRunHasAStderrOfItsOwn) {
  WorkerResource worker{[](PriorityMessenger&, std::string text, bool crashes) {
                          print(text + " words");
                          if (crashes) ::raise(SIGABRT);
                        },
                        {.capture_stderr = true}};
  worker.start("last", true);
  try {
    worker.messenger().receive_blocking();
    FAIL();
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().stderr_tail, "last words");
    EXPECT_NE(error.exit_status().report().find("\n    last words"), std::string::npos);
  }
  worker.start("other", false);
  EXPECT_EQ(worker.join().stderr_tail, "other words");
}

TEST(DeathDetails, AGrandchildThatKeepsTheStderrDelaysNothing) {
  const support::Subreaper sees_the_orphan;
  const support::PidPipe pids;
  WorkerResource worker{[&pids](PriorityMessenger&) {
                          pids.write(support::fork_that_lives([] {}));
                          print("bye");
                        },
                        {.capture_stderr = true}};
  worker.start();
  EXPECT_EQ(worker.join().stderr_tail, "bye");
  const pid_t orphan = pids.read();
  ::kill(orphan, SIGKILL);
  EXPECT_EQ(support::signal_that_ended(orphan), SIGKILL);
}

TEST(DeathDetails, AWorkerThatKeepsPrintingPutsNoDeadlineOff) {
  WorkerResource worker{[](PriorityMessenger&) {
                          while (true) print("more ");
                        },
                        {.stop = {.close = 0s}, .capture_stderr = true}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_for<int>(20ms), std::nullopt);
  EXPECT_EQ(worker.join_for(20ms), std::nullopt);
  EXPECT_EQ(worker.stop().stderr_tail.size(), 4096u);
}

TEST(DeathDetails, AWorkerMayCloseItsStderr) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          for (int fd = 2; fd < 100; ++fd) {
                            // The one that became descriptor 2, wherever else it is.
                            char name[64] = "";
                            const std::string link = "/proc/self/fd/" + std::to_string(fd);
                            static char of_stderr[64] = "";
                            if (::readlink(link.c_str(), name, sizeof name - 1) < 0) continue;
                            if (fd == 2) std::snprintf(of_stderr, sizeof of_stderr, "%s", name);
                            if (std::string(name) == of_stderr) ::close(fd);
                          }
                          host.send_norequest(1);
                          (void)host.receive_blocking<int>();
                          host.send_norequest(2);
                        },
                        {.capture_stderr = true}};
  worker.start();
  pollfd handle = {worker.messenger().native_handle(), POLLIN, 0};
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  EXPECT_EQ(worker.messenger().available(), 0u);
  EXPECT_EQ(::poll(&handle, 1, 0), 0);  // no event loop is woken for ever
  worker.messenger().send_norequest(1);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 2);
  EXPECT_EQ(worker.join().stderr_tail, "");
}

TEST(DeathDetails, CaptureAndAnotherPlaceExcludeEachOther) {
  const auto make = [](coproc::Stdio place) {
    WorkerResource worker{[](PriorityMessenger&) {}, {.stderr_ = std::move(place), .capture_stderr = true}};
  };
  EXPECT_THROW(make(coproc::DevNull{}), coproc::InvalidArgumentError);
  EXPECT_THROW(make(coproc::OutputFile{"x"}), coproc::InvalidArgumentError);
  EXPECT_NO_THROW(make(coproc::Inherit{}));
}

TEST(DeathDetails, NamesTheLimitOnProcessorTimeWhereTheKernelSendsSigkill) {
  WorkerResource worker{+[](PriorityMessenger&) {
    const rlimit both{1, 1};  // nothing comes before SIGKILL then
    ::setrlimit(RLIMIT_CPU, &both);
    for (std::atomic<bool> for_ever{true}; for_ever;) {}
  }};
  worker.start();
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_EQ(status.limit, "RLIMIT_CPU") << status.report();
}

TEST(DeathDetails, NamesTheLimitOnTimeInRealTimeWhereTheKernelSendsSigkill) {
  WorkerResource worker{+[](PriorityMessenger& host) {
    const sched_param lowest{1};
    const bool may = ::sched_setscheduler(0, SCHED_FIFO, &lowest) == 0;
    host.send_norequest(may);
    if (!may) return;
    const rlimit both{200'000, 200'000};
    ::setrlimit(RLIMIT_RTTIME, &both);
    for (std::atomic<bool> for_ever{true}; for_ever;) {}
  }};
  worker.start();
  if (!worker.messenger().receive_blocking<bool>()) {
    worker.join();
    GTEST_SKIP() << "this user may not run anything in real time";
  }
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_EQ(status.limit, "RLIMIT_RTTIME") << status.report();
}

TEST(DeathDetails, NothingThatAWorkerSaysIsActedUponByATerminal) {
  WorkerResource worker{+[](PriorityMessenger&) {
                          print("one\r\x1b[2K\n");
                          throw std::runtime_error("two\n  stack:\x1b]0;title\x07\xc2\x9b");
                        },
                        {.capture_stderr = true}};
  worker.start();
  const ExitStatus status = worker.join();
  const auto has_controls = [](const std::string& text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; }) ||
           text.find("\xc2\x9b") != std::string::npos;
  };
  EXPECT_FALSE(has_controls(status.report())) << status.report();
  EXPECT_EQ(status.report().find("\n  stack:"), std::string::npos);
  try {
    (void)worker.messenger().receive_blocking<int>();
    FAIL() << "it threw nothing";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "two\n      stack:\\x1b]0;title\\x07\\u009b");
  }
}

}  // namespace
