// Workers whose process something else starts and reaps, and ends of links that are carried by hand.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coproc::AdoptedWorker;
using coproc::ExitStatus;
using coproc::LinkEnd;
using coproc::PriorityMessenger;

namespace {

void echo(PriorityMessenger& host) {
  while (true) host.send_reply(host.receive_blocking<std::string>());
}

/// Forks by hand, as a library would that knows nothing of coproc.
template <class Target>
int start_by_hand(AdoptedWorker<>& worker, Target target) {
  LinkEnd end = worker.new_link();
  const int pid = ::fork();
  if (pid == 0) ::_exit(end.run<PriorityMessenger>(target));
  worker.adopt(pid);
  return pid;
}

int reap(int pid) {
  int status = -1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid) << "somebody else has reaped it";
  return status;
}

TEST(AdoptedWorker, ItsStderrIsKeptForItsStatus) {
  AdoptedWorker<> worker{{.name = "adopted", .capture_stderr = true}};
  for (const std::string text : {"some words", "other words"}) {
    const int pid = start_by_hand(worker, [&](PriorityMessenger&) {
      ::dprintf(STDERR_FILENO, "%s", text.c_str());
      ::_exit(3);
    });
    const auto status = worker.join();
    EXPECT_EQ(status.stderr_tail, text);
    EXPECT_EQ(reap(pid), 3 << 8);
  }
}

TEST(AdoptedWorker, ItsStderrMayBeRedirectedBeforeItRuns) {
  AdoptedWorker<> worker{{.name = "adopted", .capture_stderr = true}};
  LinkEnd end = worker.new_link();
  const std::vector<int> fds = end.fds();
  ASSERT_EQ(fds.size(), 5U);
  const int pid = ::fork();
  if (pid == 0) {
    std::vector<int> own;
    for (const int fd : fds) own.push_back(::dup(fd));
    LinkEnd arrived(own, end.description());
    arrived.redirect_stderr();
    ::dprintf(STDERR_FILENO, "before");
    ::_exit(arrived.run<PriorityMessenger>([](PriorityMessenger&) { ::dprintf(STDERR_FILENO, " and after"); }));
  }
  worker.adopt(pid);
  end.close();
  EXPECT_EQ(worker.join().stderr_tail, "before and after");
  reap(pid);
}

TEST(AdoptedWorker, IsTalkedToAndStoppedAndLeftForWhoReapsIt) {
  AdoptedWorker<> worker{{.name = "adopted"}};
  const int pid = start_by_hand(worker, echo);
  worker.messenger().send_request("hello");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "hello");
  EXPECT_TRUE(worker.is_alive());
  EXPECT_EQ(worker.pid(), pid);
  const ExitStatus status = worker.stop();
  EXPECT_TRUE(status.success()) << status.describe();
  EXPECT_EQ(status.stopped_by, coproc::StopRung::close_request);
  EXPECT_EQ(reap(pid), 0);

  const int next = start_by_hand(worker, echo);  // restartable
  worker.messenger().send_request("again");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "again");
  worker.stop();
  EXPECT_EQ(reap(next), 0);
}

TEST(AdoptedWorker, ItsDeathIsToldAfterAllThatItSent) {
  AdoptedWorker<> worker{{.name = "adopted", .report_crashes = false}};
  const int pid = start_by_hand(worker, [](PriorityMessenger& host) {
    host.send_norequest(1);
    ::kill(::getpid(), SIGKILL);
  });
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  try {
    worker.messenger().receive_blocking<int>();
    FAIL() << "nothing was thrown";
  } catch (const coproc::WorkerDiedError& error) {
    EXPECT_EQ(error.exit_status().signal(), SIGKILL);
    EXPECT_EQ(error.pid(), pid);
    EXPECT_EQ(error.name(), "adopted");
  }
  EXPECT_TRUE(WIFSIGNALED(reap(pid)));
}

TEST(AdoptedWorker, AnExceptionThatLeavesTheTargetReachesTheHost) {
  AdoptedWorker<> worker;
  const int pid = start_by_hand(worker, [](PriorityMessenger&) { throw std::invalid_argument("no such thing"); });
  EXPECT_THROW(worker.messenger().receive_blocking<int>(), std::invalid_argument);
  EXPECT_EQ(worker.join().code(), 1);
  EXPECT_EQ(WEXITSTATUS(reap(pid)), 1);
}

TEST(AdoptedWorker, AsksHowItEndedWhereTheKernelDoesNotTell) {
  AdoptedWorker<> worker;
  LinkEnd end = worker.new_link();
  const int pid = ::fork();
  if (pid == 0) ::_exit(end.run<PriorityMessenger>([](PriorityMessenger&) { std::_Exit(7); }));
  int reaped = -1;
  worker.adopt(pid,
               [&]() -> std::optional<ExitStatus> { return ExitStatus{.end = coproc::Exited{WEXITSTATUS(reaped)}}; });
  reaped = reap(pid);
  EXPECT_EQ(worker.join().code(), 7);
}

TEST(AdoptedWorker, IsEndedByTheDestructor) {
  int pid = 0;
  {
    AdoptedWorker<> worker{{.stop = {.close = 0s, .terminate = 0s}}};
    pid = start_by_hand(worker, [](PriorityMessenger&) {
      ::signal(SIGTERM, SIG_IGN);
      while (true) ::pause();
    });
  }
  EXPECT_TRUE(WIFSIGNALED(reap(pid)));
}

TEST(AdoptedWorker, EndsWithItsHost) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const int host = ::fork();
  if (host == 0) {
    ::close(pipe[0]);
    AdoptedWorker<> worker;
    // It never looks at its messenger. The pipe's write end is the worker's alone when the host has ended.
    start_by_hand(worker, [](PriorityMessenger&) {
      while (true) ::pause();
    });
    ::kill(::getpid(), SIGKILL);
  }
  ::close(pipe[1]);
  char nothing = 0;
  EXPECT_EQ(::read(pipe[0], &nothing, 1), 0);
  ::close(pipe[0]);
  reap(host);
}

TEST(AdoptedWorker, MistakesAreErrors) {
  AdoptedWorker<> worker;
  EXPECT_THROW(worker.adopt(::getpid()), coproc::InvalidArgumentError);
  LinkEnd end = worker.new_link();
  EXPECT_THROW((void)end.open<PriorityMessenger>(), coproc::InvalidArgumentError);  // a worker's: to be run
  EXPECT_TRUE(end);
  const int gone = ::fork();
  if (gone == 0) ::_exit(0);
  reap(gone);
  EXPECT_THROW(worker.adopt(gone), coproc::StartError);
}

TEST(LinkEnd, CanBeOpenedInAForkedChild) {
  auto [mine, theirs] = PriorityMessenger::new_pair();
  LinkEnd end(std::move(theirs));
  const int child = ::fork();
  if (child == 0) {
    auto messenger = end.open<PriorityMessenger>();
    messenger.send_norequest(messenger.receive_blocking<std::string>() + " back");
    ::_exit(0);
  }
  end.close();
  mine.send_norequest("there and");
  EXPECT_EQ(mine.receive_blocking<std::string>(), "there and back");
  EXPECT_THROW(mine.receive_blocking<std::string>(), coproc::PeerClosedError);
  EXPECT_EQ(reap(child), 0);
}

TEST(LinkEnd, IsFoundAgainByItsDescriptorsAndDescription) {
  auto [mine, theirs] = PriorityMessenger::new_pair();
  LinkEnd end(std::move(theirs));
  std::vector<int> copies;
  for (const int fd : end.fds()) copies.push_back(::dup(fd));
  LinkEnd arrived(copies, end.description());
  end.close();
  EXPECT_FALSE(end);
  auto messenger = arrived.open<PriorityMessenger>();
  EXPECT_FALSE(arrived);
  EXPECT_THROW((void)arrived.open<PriorityMessenger>(), coproc::InvalidArgumentError);
  mine.send_norequest(3);
  EXPECT_EQ(messenger.receive_blocking<int>(), 3);
}

TEST(LinkEnd, RefusesWhatIsNone) {
  auto [mine, theirs] = PriorityMessenger::new_pair();
  mine.send_norequest(1);
  EXPECT_THROW(LinkEnd(std::move(mine)), coproc::InvalidArgumentError);  // it has been used
  LinkEnd end(std::move(theirs));
  const std::string description = end.description();
  const auto copy = [&] {
    std::vector<int> copies;
    for (const int fd : end.fds()) copies.push_back(::dup(fd));
    return copies;
  };
  EXPECT_THROW(LinkEnd(copy(), description.substr(1)), coproc::InvalidArgumentError);
  EXPECT_THROW(LinkEnd(copy(), ""), coproc::InvalidArgumentError);
  std::vector<int> fds = copy();
  ::close(fds.back());
  fds.pop_back();
  EXPECT_THROW(LinkEnd(fds, description), coproc::InvalidArgumentError);
}

// ---- the hook ----

struct Interrupted {};
volatile sig_atomic_t was_interrupted = 0;
void throw_if_interrupted() {
  if (was_interrupted != 0) throw Interrupted();
}

class WaitHookTest : public testing::Test {
 protected:
  void SetUp() override {
    was_interrupted = 0;
    ::signal(SIGUSR1, [](int) { was_interrupted = 1; });
    coproc::set_wait_hook(&throw_if_interrupted);
  }
  void TearDown() override {
    coproc::set_wait_hook(nullptr);
    ::signal(SIGUSR1, SIG_DFL);
  }
};

TEST_F(WaitHookTest, EndsEveryKindOfWaitAndLosesNothing) {
  auto [a, b] = PriorityMessenger::new_pair();
  AdoptedWorker<> worker;
  const int pid = start_by_hand(worker, echo);
  coproc::Messenger* const all[] = {&a, &worker.messenger()};
  was_interrupted = 1;  // as if the signal had come just before the sleep: the next slice tells
  EXPECT_THROW(a.receive_blocking<int>(), Interrupted);
  EXPECT_THROW((void)coproc::wait_any(all), Interrupted);
  EXPECT_THROW(worker.join(), Interrupted);
  EXPECT_THROW(a.send_request_multiple(std::vector<std::string>(100, std::string(10000, 'x'))), Interrupted);
  was_interrupted = 0;
  b.send_norequest(4);
  EXPECT_EQ(a.receive_blocking<int>(), 4);
  worker.stop();
  reap(pid);
}

}  // namespace
