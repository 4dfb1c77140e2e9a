#include "process/child.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "coproc/errors.hpp"
#include "process/worker_for_test.hpp"

using namespace coproc;
using namespace coproc::process;
using namespace coproc::process::testing;
using namespace std::chrono_literals;

namespace {

int sleep_for_ever() {
  for (;;) ::pause();
}

/// The signals that the kernel reports as blocked in a process; 0: none.
unsigned long blocked_by(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigBlk:")) return std::stoul(line.substr(7), nullptr, 16);
  }
  return 0;
}

TEST(Child, HasNoStatusWhileItLives) {
  Child child = start(sleep_for_ever);
  EXPECT_TRUE(child);
  EXPECT_GT(child.pid(), 0);
  EXPECT_FALSE(child.is_ended());
  EXPECT_FALSE(child.try_reap());
  EXPECT_TRUE(child.signal(SIGKILL));
  const ExitStatus status = end_of(child);
  EXPECT_EQ(status.signal(), SIGKILL);
  EXPECT_EQ(status.stopped_by, StopRung::none);
  EXPECT_FALSE(child.signal(SIGKILL));
  EXPECT_TRUE(child.is_ended());
  EXPECT_EQ(child.try_reap()->signal(), SIGKILL);
}

TEST(Child, IsGivenTheValueOfAQueuedSignal) {
  Child child = start([] {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    ::sigaddset(&wanted, SIGRTMAX);
    sigset_t blocked = wanted;
    ::sigaddset(&blocked, SIGUSR2);  // the kernel shows a signal that is waited for as not blocked
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    siginfo_t info{};
    while (::sigwaitinfo(&wanted, &info) != SIGRTMAX) {}
    return static_cast<int>(reinterpret_cast<std::uintptr_t>(info.si_value.sival_ptr) >> 32);
  });
  // If it has not blocked the signal yet, the signal ends it and the test fails.
  while (blocked_by(child.pid()) == 0) std::this_thread::yield();
  EXPECT_TRUE(child.signal(SIGRTMAX, std::uintptr_t{42} << 32));
  EXPECT_EQ(end_of(child).code(), 42);
  EXPECT_FALSE(child.signal(SIGRTMAX, 1));
}

TEST(Child, ASignalReachesNobodyElseWhereTheProgramHasReapedIt) {
  Child child = start(sleep_for_ever);
  const pid_t pid = child.pid();
  ::kill(pid, SIGKILL);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  // The pid may belong to another process by now.
  EXPECT_FALSE(child.signal(SIGRTMAX, 1));
}

TEST(Child, ManyThreadsGetOneAnswer) {
  Child child = start([] { return 42; });
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      std::optional<ExitStatus> status;
      while (!(status = child.try_reap())) std::this_thread::yield();
      if (status->code() == 42) right.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right.load(), 4);
}

TEST(Child, TheDestructorLeavesNothingBehind) {
  { const Child child = start(sleep_for_ever); }
  Child child = start(sleep_for_ever);
  const pid_t first = child.pid();
  child = start(sleep_for_ever);  // ends the first one
  EXPECT_NE(::kill(first, 0), 0);
  Child moved = std::move(child);
  EXPECT_FALSE(child);  // NOLINT: that a moved-from Child is none is what is tested
  EXPECT_FALSE(moved.is_ended());
}

TEST(Child, AProgramThatReapsEverythingStillGetsAnAnswer) {
  Child child = start([] { return 3; });
  ASSERT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());
  const ExitStatus status = end_of(child);
  EXPECT_TRUE(status.code() == 3 || std::holds_alternative<UnknownEnd>(status.end)) << status.describe();
}

TEST(Child, ResourcesAreCounted) {
  Child child = start([] {
    for (const os::Deadline busy(std::chrono::milliseconds(20)); !busy.passed();) {}
    return 0;
  });
  const ResourceUse use = end_of(child).resources;
  EXPECT_GT((use.user_time + use.system_time).count(), 0);
  EXPECT_GT(use.peak_memory_kib, 0);
}

TEST(Child, AForkedProcessIsNotTheOwner) {
  Child child = start(sleep_for_ever);
  const pid_t pid = ::fork();
  if (pid == 0) {
    int code = 0;
    try {
      child.try_reap();
      code = 1;
    } catch (const NotOwnerError&) {}
    try {
      child.signal(SIGKILL);
      code = 2;
    } catch (const NotOwnerError&) {}
    if (child.is_own_process() || child.wait_fd() != -1) code = 3;
    child = Child();  // the destructor's work
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(child.is_own_process());
  EXPECT_FALSE(child.is_ended());
}

struct Case {
  std::vector<StopRung> noted;
  int signal;  // that ends it; 0: it exits
  StopRung result;
};

TEST(Child, TheRungThatEndedItIsWorkedOut) {
  const Case cases[] = {
      {{}, SIGKILL, StopRung::none},
      {{}, 0, StopRung::none},
      {{StopRung::close_request}, 0, StopRung::close_request},
      {{StopRung::close_request}, SIGABRT, StopRung::none},  // a crash that no sanitizer handles
      {{StopRung::close_request}, SIGTERM, StopRung::none},
      {{StopRung::close_request, StopRung::terminate}, SIGTERM, StopRung::terminate},
      {{StopRung::close_request, StopRung::terminate}, 0, StopRung::terminate},
      {{StopRung::close_request, StopRung::terminate}, SIGKILL, StopRung::none},
      {{StopRung::terminate, StopRung::kill}, SIGKILL, StopRung::kill},
      {{StopRung::kill}, 0, StopRung::none},
  };
  for (const Case& c : cases) {
    const Report gate;
    Child child = start([&] {
      wait_readable(gate.pipe().read_end.get());
      return 0;
    });
    for (const StopRung rung : c.noted) child.note_rung(rung);
    if (c.signal != 0) {
      child.signal(c.signal);
    } else {
      gate.write("x");
    }
    EXPECT_EQ(end_of(child).stopped_by, c.result) << &c - cases;
  }
}

TEST(Child, ARungAfterTheEndDoesNotCount) {
  Child child = start([] { return 0; });
  wait_readable(child.wait_fd());
  child.note_rung(StopRung::close_request);
  EXPECT_EQ(end_of(child).stopped_by, StopRung::none);
}

/// Returns the result of `body` in a fork that has given up root; "" if this process is not root and so cannot try it.
template <class Body>
std::string without_root(Body body) {
  if (::geteuid() != 0) return "";
  const Report told;
  const pid_t host = ::fork();
  if (host == 0) {
    std::string text;
    try {
      text = body();
    } catch (const std::exception& error) {
      text = error.what();
    }
    told.write(text + ";");
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(host, &status, 0) < 0 && errno == EINTR) {}
  char answer[512] = {};
  EXPECT_GT(::read(told.pipe().read_end.get(), answer, sizeof answer - 1), 0);
  std::string text = answer;
  return text == ";" ? "" : text;
}

void give_up_root() {
  if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(97);
}

TEST(Child, WhereSignalsAreRefusedTheLifelineEndsIt) {
  EXPECT_EQ(without_root([]() -> std::string {
              Child child = start(sleep_for_ever);
              give_up_root();
              if (child.signal(SIGTERM)) return "SIGTERM was not refused";
              const Rung rungs[] = {{StopRung::terminate, 0s}, {StopRung::kill, kForever}};
              const ExitStatus status = run_ladder(child, rungs, {});
              if (status.signal() != SIGKILL || status.stopped_by != StopRung::kill) return status.describe();
              return "";
            }),
            "");
}

TEST(Child, OneThatCannotBeEndedIsGivenUpAndReapedLater) {
  EXPECT_EQ(without_root([]() -> std::string {
              const Report gate, is_ready;
              pid_t pid = 0;
              {
                Child child = start([&] {
                  ::signal(SIGCONT, SIG_DFL);  // the lifeline's
                  is_ready.write("x");
                  wait_readable(gate.pipe().read_end.get());
                  return 0;
                });
                pid = child.pid();
                wait_readable(is_ready.pipe().read_end.get());
                give_up_root();
                const Rung rungs[] = {{StopRung::kill, 1ms}};
                if (run_ladder(child, rungs, {}).end != decltype(ExitStatus::end)(NotYetEnded{.refused = true})) {
                  return "it has ended";
                }
              }
              gate.write("x");
              siginfo_t info{};
              while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0) {}
              {
                Child another = start([] { return 0; });
              }
              return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) == 0 ? "it is a zombie" : "";
            }),
            "");
}

}  // namespace
