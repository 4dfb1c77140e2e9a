// What a worker in Sandbox::compute() may try against its host and the system: each is refused, or ends it and is
// named, for every start method, as root and as another user, with Landlock and without.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "boxed/boxed_worker.hpp"
#include "support/seccomp.hpp"

using boxed::BoxedWorker;
using coproc::Sandbox;
using coproc::StartMethod;
using support::refuse_calls;

namespace {

struct Case {
  const char* what;
  const char* soft;    // the answer in compute()
  const char* strict;  // in compute().strict()
  bool wants_host = true;
};

const Case kCases[] = {
    {"kill", "EPERM", "ends: kill"},
    {"tgkill", "EPERM", "ends: tgkill"},
    {"sigqueue", "EPERM", "ends: rt_sigqueueinfo"},
    {"kill_group", "EPERM", "ends: kill"},
    {"pidfd_signal", "EPERM", "ends: pidfd_open"},
    {"owned_pipe", "EACCES", "ends: fcntl"},
    {"async", "EACCES", "ends: fcntl"},
    {"prlimit", "EPERM", "ends: prlimit64"},
    {"read_limits", "EPERM", "ends: prlimit64"},
    {"affinity", "EPERM", "ends: sched_setaffinity"},
    {"priority", "EPERM", "ends: setpriority"},
    {"io_priority", "EPERM", "ends: ioprio_set"},
    {"scheduler", "EPERM", "ends: sched_setscheduler"},
    {"vm_read", "ends: process_vm_readv", "ends: process_vm_readv"},
    {"vm_write", "ends: process_vm_writev", "ends: process_vm_writev"},
    {"ptrace", "ends: ptrace", "ends: ptrace"},
    {"pidfd_getfd", "ends: pidfd_getfd", "ends: pidfd_getfd"},
    {"proc_mem", "EACCES", "ends: openat"},
    {"open /etc/passwd", "EACCES", "ends: openat", false},
    {"create /tmp/coproc-escape", "EACCES", "ends: openat", false},
    {"remove /etc/passwd", "EACCES", "ends: unlink", false},
    {"chmod /etc/passwd", "EPERM", "ends: chmod", false},
    {"list /", "EACCES", "ends: openat", false},
    {"fork", "EPERM", "ends: clone"},
    {"vfork", "EPERM", "ends: vfork"},
    {"execute /bin/true", "EPERM", "ends: clone", false},
    {"tcp", "EACCES", "ends: socket"},
    {"udp", "EACCES", "ends: socket"},
    {"unix", "EACCES", "ends: socket"},
    {"socketpair", "EACCES", "ends: socketpair"},
    {"mount", "ends: mount", "ends: mount"},
    {"unshare", "ends: unshare", "ends: unshare"},
    {"bpf", "ends: bpf", "ends: bpf"},
    {"io_uring", "ends: io_uring_setup", "ends: io_uring_setup"},
    {"keyctl", "ends: keyctl", "ends: keyctl"},
    {"userfaultfd", "ends: userfaultfd", "ends: userfaultfd"},
    {"perf", "ends: perf_event_open", "ends: perf_event_open"},
    {"unknown", "ENOSYS", "ends: system call 999"},
#ifdef __x86_64__
    // The kernel ends the process at once, so that nothing is reported.
    {"x32", "ends: was killed by SIGSYS (a system call that a seccomp filter does not allow)",
     "ends: was killed by SIGSYS (a system call that a seccomp filter does not allow)"},
#endif
};

/// All attempts of a worker, and what came of each other than it should.
std::string surprises(StartMethod method, const Sandbox& sandbox) {
  const bool is_strict = sandbox.parts().is_strict;
  BoxedWorker worker(method, sandbox);
  std::string text;
  const std::string host = std::to_string(::getpid());
  for (const Case& each : kCases) {
    if (!worker->is_alive()) worker.start();
    const std::string question = std::string("try ") + each.what + (each.wants_host ? " " + host : "");
    const std::string answer = worker.ask_or_end(question);
    const std::string expected = is_strict ? each.strict : each.soft;
    if (answer != expected) text += question + ": " + answer + " instead of " + expected + "\n";
  }
  rlimit limit{};
  ::getrlimit(RLIMIT_CPU, &limit);
  if (::access("/tmp/coproc-escape", F_OK) == 0) text += "made a file\n";
  return text;
}

class Escape : public boxed::ByEveryMethod {
 protected:
  void expect_none(bool is_nobody, const Sandbox& sandbox, const std::vector<support::RefusedCall>& refused = {}) {
    const std::string text = boxed::in_host_as(is_nobody, [&] {
      // Whoever gets through with a signal must not end the host by it, but leave a trace.
      static volatile sig_atomic_t signals = 0;
      ::signal(SIGWINCH, [](int) { signals = signals + 1; });
      if (!refused.empty()) refuse_calls(refused);
      std::string all = surprises(GetParam(), sandbox);
      if (signals != 0) all += "signalled its host\n";
      return all;
    });
    if (text == "not root") GTEST_SKIP() << "only root can become another user";
    EXPECT_EQ(text, "");
  }
};
INSTANTIATE_TEST_SUITE_P(By, Escape, boxed::every_method(), boxed::name_of_method);

TEST_P(Escape, NothingGetsOutOfCompute) { expect_none(false, Sandbox::compute()); }
TEST_P(Escape, NothingGetsOutOfComputeAsAnotherUser) { expect_none(true, Sandbox::compute()); }
TEST_P(Escape, EveryRefusalOfStrictIsNamed) { expect_none(false, Sandbox::compute().strict()); }
TEST_P(Escape, TheFilterAloneIsEnough) {
  expect_none(false, Sandbox::compute(), {{SYS_landlock_create_ruleset, ENOSYS}});
}

/// Without a sandbox the same attempts do get through: they try what they say.
TEST_P(Escape, WithoutASandboxTheAttemptsWork) {
  EXPECT_EQ(boxed::in_host_as(false,
                              [] {
                                ::signal(SIGWINCH, SIG_IGN);
                                BoxedWorker worker(GetParam(), coproc::WorkerOptions{.name = "free"});
                                worker.start();
                                std::string text;
                                const std::string host = std::to_string(::getpid());
                                for (const char* what :
                                     {"kill", "tgkill", "sigqueue", "kill_group", "pidfd_signal", "owned_pipe", "async",
                                      "prlimit", "read_limits", "affinity", "priority", "io_priority", "scheduler",
                                      "fork", "vfork", "tcp", "udp", "unix", "socketpair"}) {
                                  const std::string answer = worker.ask(std::string("try ") + what + " " + host);
                                  if (answer != "works") text += std::string(what) + ": " + answer + "\n";
                                }
                                for (const char* what : {"open /etc/passwd", "list /", "execute /bin/true"}) {
                                  const std::string answer = worker.ask(std::string("try ") + what);
                                  if (answer != "works") text += std::string(what) + ": " + answer + "\n";
                                }
                                return text;
                              }),
            "");
}

TEST_P(Escape, ABoxFromInsideIsTheSame) {
  EXPECT_EQ(boxed::in_host_as(false,
                              [] {
                                BoxedWorker worker(GetParam(), coproc::WorkerOptions{.name = "closes_the_door"});
                                worker.start(true);
                                const std::string host = std::to_string(::getpid());
                                return worker.ask_each({"try open /etc/passwd", "try kill " + host, "try fork",
                                                        "echo inside", "try ptrace " + host});
                              }),
            "EACCES EPERM EPERM inside ends: ptrace");
}

TEST_P(Escape, ABoxCanOnlyBecomeTighter) {
  BoxedWorker worker(GetParam(), Sandbox::compute());
  worker.start();
  EXPECT_THAT(worker.ask("confine files"), ::testing::HasSubstr("system calls: filtered"));
  EXPECT_EQ(worker.ask("try open /etc/passwd"), "EACCES");
  EXPECT_THAT(worker.ask("confine strict"), ::testing::HasSubstr("system calls: filtered"));
  EXPECT_EQ(worker.ask_or_end("try open /etc/passwd"), "ends: openat");
}

}  // namespace
