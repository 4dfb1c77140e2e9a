// The parts of a lifeline that tests/conformance/life_test.cpp, which covers every start method, cannot see from
// outside.
#include "process/lifeline.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <thread>

#include "os/hang_up_signal.hpp"
#include "os/pidfd.hpp"
#include "process/worker_for_test.hpp"

using namespace coproc;
using namespace coproc::process;
using namespace coproc::process::testing;

namespace {

[[noreturn]] void spin() {
  for (;;) (void)os::now_ns();
}

/// The workers of hosts that die become children of this process, which can then see how they ended.
class LifelineTest : public ::testing::Test {
 protected:
  LifelineTest() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~LifelineTest() override {
    // The leak sanitizer looks at a worker from a process of its own. It is left to this one if the worker is killed
    // meanwhile, which the end of its grace may do on an overloaded machine.
    while (::waitpid(-1, nullptr, 0) > 0) {}
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }

  int status_of(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }

  /// Starts a host that runs `host` (and then waits to be killed), which must write its worker's pid into `pids_`.
  template <class Host>
  pid_t start_host(Host host) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      host();
      for (;;) ::pause();
    }
    return pid;
  }

  /// Starts a host whose worker first calls `end_with_host(line)`, and then never ends by itself.
  template <class EndWithHost>
  pid_t start_host_of_busy_worker(EndWithHost end_with_host) {
    return start_host([&] {
      Lifeline line;
      os::ForkSensitive* const keep[] = {&line};
      if (os::fork_keeping(keep) == 0) {
        end_with_host(line);
        const pid_t self = ::getpid();
        pids_.write(&self, sizeof self);
        spin();
      }
      line.keep_host_end();
      for (;;) ::pause();
    });
  }

  void kill_host(pid_t host) {
    ::kill(host, SIGKILL);
    status_of(host);
  }

  Report pids_;
};

bool was_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

TEST_F(LifelineTest, ASignalToContinueFromSomebodyElseIsHarmless) {
  const Report gate;
  Child child = start([&] {
    wait_readable(gate.pipe().read_end.get());
    // Longer than the grace: a timer that was armed by mistake would end it.
    const os::Deadline over(kHostGoneGrace + std::chrono::milliseconds(100));
    while (!over.passed()) {
      ::raise(SIGCONT);
      os::poll_once({}, os::Deadline(std::chrono::milliseconds(20)));
    }
    return 5;
  });
  EXPECT_TRUE(child.signal(SIGCONT));
  gate.write("x");
  EXPECT_EQ(end_of(child).code(), 5);
}

TEST_F(LifelineTest, AHostThatWasGoneBeforeIsNoticed) {
  const pid_t host = start_host([&] {
    Lifeline line;
    os::ForkSensitive* const keep[] = {&line};
    const pid_t parent = ::getpid();
    if (os::fork_keeping(keep) == 0) {
      const pid_t self = ::getpid();
      pids_.write(&self, sizeof self);
      while (::getppid() == parent) std::this_thread::yield();
      line.end_with_host();
      ::_exit(99);
    }
    ::_exit(0);
  });
  const auto worker = pids_.read<pid_t>();
  status_of(host);
  const int status = status_of(worker);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
}

TEST_F(LifelineTest, WithoutGraceTheKernelKillsAtOnce) {
  const pid_t host = start_host_of_busy_worker([](Lifeline& line) { line.end_with_host(std::chrono::nanoseconds(0)); });
  const auto worker = pids_.read<pid_t>();
  kill_host(host);
  EXPECT_TRUE(was_killed(status_of(worker)));
}

TEST_F(LifelineTest, WithoutATimerTheKernelKillsAtOnce) {
  const pid_t host = start_host_of_busy_worker([](Lifeline& line) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_SIGPENDING, &none);  // a timer counts as a signal that waits
    line.end_with_host();
  });
  const auto worker = pids_.read<pid_t>();
  kill_host(host);
  EXPECT_TRUE(was_killed(status_of(worker)));
}

TEST_F(LifelineTest, AWorkerHasItsGraceToEndQuietly) {
  const pid_t host = start_host([&] {
    static Child child;
    child = start([&]() -> int {
      const pid_t self = ::getpid();
      pids_.write(&self, sizeof self);
      while (::getppid() == 1 || ::getppid() == 0) std::this_thread::yield();
      const pid_t parent = ::getppid();
      while (::getppid() == parent) std::this_thread::yield();
      return 3;
    });
  });
  const auto worker = pids_.read<pid_t>();
  kill_host(host);
  const int status = status_of(worker);
  // An overloaded machine may use the grace up.
  EXPECT_TRUE((WIFEXITED(status) && WEXITSTATUS(status) == 3) || was_killed(status)) << status;
}

}  // namespace
