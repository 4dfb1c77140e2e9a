// Sandbox::guard(): the host is out of reach, and all else is as it was, for every start method.
#include <signal.h>
#include <unistd.h>

#include <string>

#include "boxed/boxed_worker.hpp"
#include "os/landlock.hpp"

using boxed::BoxedWorker;
using coproc::Sandbox;

namespace {

class Guard : public boxed::ByEveryMethod {
 protected:
  void SetUp() override {
    boxed::ByEveryMethod::SetUp();
    if (coproc::os::landlock_abi() < 6) GTEST_SKIP() << "this kernel cannot keep signals in";
  }
};
INSTANTIATE_TEST_SUITE_P(By, Guard, boxed::every_method(), boxed::name_of_method);

std::string surprises(coproc::StartMethod method) {
  BoxedWorker worker(method, Sandbox::guard());
  worker.start();
  const std::string host = " " + std::to_string(::getpid());
  std::string text;
  for (const char* what :
       {"kill", "tgkill", "sigqueue", "pidfd_signal", "prlimit", "read_limits", "affinity", "priority", "io_priority",
        "scheduler", "vm_read", "vm_write", "ptrace", "child_of_host", "session_keys", "type", "perf", "bpf"}) {
    const std::string answer = worker.ask_or_end(std::string("try ") + what + host);
    if (answer != "EPERM") text += std::string(what) + ": " + answer + "\n";
  }
  if (const auto answer = worker.ask("try proc_mem" + host); answer != "EACCES") text += "proc_mem: " + answer + "\n";
  for (const char* what : {"open /etc/passwd", "list /", "execute /bin/true", "fork", "vfork", "tcp", "udp", "unix",
                           "socketpair", "stat /"}) {
    const std::string answer = worker.ask(std::string("try ") + what);
    if (answer != "works") text += std::string(what) + ": " + answer + "\n";
  }
  return text + (worker->stop().success() ? "" : "ended badly\n");
}

TEST_P(Guard, OnlyTheHostIsOutOfReach) {
  for (const bool is_nobody : {false, true}) {
    const std::string text = boxed::in_host_as(is_nobody, [] {
      ::signal(SIGWINCH, SIG_IGN);
      return surprises(GetParam());
    });
    if (is_nobody && text == "not root") continue;
    EXPECT_EQ(text, "") << (is_nobody ? "nobody" : "as it is");
  }
}

}  // namespace
