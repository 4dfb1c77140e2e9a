// Promises 10 and 14, in every way to start a worker: a worker has its host's state as it is when the worker starts,
// whatever the host has changed since its fork server was started; and the server itself holds nothing.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "conformance/player.hpp"
#include "support/process.hpp"

using coproc::StartMethod;
using parts::Player;
using support::descriptors_of;
using support::fork_server_of;
using support::in_host;
using support::Pipe;

namespace {

class HostState : public parts::ByEveryWay {
 protected:
  static bool is_fork_server() { return GetParam() == StartMethod::fork_server; }
};
INSTANTIATE_TEST_SUITE_P(By, HostState, parts::every_way(), parts::name_of_way);

TEST_P(HostState, promise_10_hosts_without_stdin_stdout_or_stderr) {
  for (const std::vector<int>& closed : {std::vector{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}}) {
    SCOPED_TRACE(::testing::PrintToString(closed));
    std::string expected;
    for (const int fd : {0, 1, 2}) {
      const bool is_closed = std::find(closed.begin(), closed.end(), fd) != closed.end();
      expected += is_closed ? "/dev/null;" : descriptors_of(::getpid())[fd] + ";";
    }
    if (!GetParam().has_hosts_standard_streams()) expected = "/dev/null;a pipe;a pipe;";
    EXPECT_EQ(in_host([&] {
                for (const int fd : closed) ::close(fd);
                Player worker(GetParam());
                worker.start("answers");
                std::string text;
                for (const char* fd : {"0", "1", "2"}) {
                  const std::string target = worker.ask(std::string("descriptor ") + fd);
                  const bool is_own = !GetParam().has_hosts_standard_streams() && target.starts_with("pipe:");
                  text += (is_own ? "a pipe" : target) + ";";
                }
                for (const int fd : closed) {
                  if (::fcntl(fd, F_GETFD) >= 0) text += std::to_string(fd) + " is open in the host";
                }
                text += worker.ask("echo alive");
                return text + (worker->stop().success() ? "" : ", ended badly");
              }),
              expected + "alive")
        << "(without " << ::testing::PrintToString(closed) << ")";
  }
}

TEST_P(HostState, promise_10_a_worker_has_the_hosts_environment_directory_output_and_processors_as_they_are) {
  EXPECT_EQ(in_host([] {
              ::setenv("COPROC_LIFE_OLD", "old", 1);
              coproc::start_fork_server();
              const pid_t server = fork_server_of(::getpid());
              ::setenv("COPROC_LIFE_NEW", "new value", 1);
              ::unsetenv("COPROC_LIFE_OLD");
              if (::chdir("/usr") != 0) return std::string("no /usr");
              const Pipe out;
              ::dup2(out.write_fd(), 1);
              cpu_set_t one;
              ::sched_getaffinity(0, sizeof one, &one);
              std::size_t last = CPU_SETSIZE - 1;
              while (!CPU_ISSET(last, &one)) --last;
              CPU_ZERO(&one);
              CPU_SET(last, &one);
              ::sched_setaffinity(0, sizeof one, &one);
              Player worker(GetParam());
              worker.start("answers");
              std::string text;
              for (const char* question : {"variable COPROC_LIFE_NEW", "variable COPROC_LIFE_OLD",
                                           "variable COPROC_START", "directory", "print printed;"}) {
                text += worker.ask(question) + ", ";
              }
              text += out.read_text(';');
              if (worker.ask("processors") != std::to_string(last) + " ") text += ", on other processors";
              if (fork_server_of(::getpid()) != server) text += ", another server";
              worker->stop();
              coproc::stop_fork_server();
              return text;
            }),
            "new value, none, none, /usr, printed, printed");
}

TEST_P(HostState, promise_10_a_worker_has_the_hosts_limits_rights_group_and_session_as_they_are) {
  EXPECT_EQ(in_host([] {
              coproc::start_fork_server();
              std::string text;
              pid_t server = fork_server_of(::getpid());
              const auto is_told = [&](const std::string& question) {
                Player worker(GetParam());
                worker.start("answers");
                if (worker.ask(question) != parts::answer(question)) {
                  text += question + ": " + worker.ask(question) + " and not " + parts::answer(question) + "; ";
                }
                worker->stop();
                const pid_t now = fork_server_of(::getpid());
                if (is_fork_server() && now == server) text += question + ": the server was not renewed; ";
                server = now;
              };
              rlimit limit{};
              ::getrlimit(RLIMIT_NOFILE, &limit);
              limit.rlim_cur = 250;
              ::setrlimit(RLIMIT_NOFILE, &limit);
              is_told("limit");
              ::setsid();
              if (GetParam().is_in_hosts_group()) is_told("session");
              ::umask(027);
              is_told("status Umask");
              ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + 1);
              is_told("nice");
              std::ofstream("/proc/self/oom_score_adj") << 321;
              is_told("file /proc/self/oom_score_adj");
              ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
              is_told("status NoNewPrivs");
              ::prctl(PR_CAPBSET_DROP, CAP_SYS_TTY_CONFIG, 0, 0, 0);  // only root may, and so on
              if (::geteuid() == 0) is_told("status CapBnd");
              if (::setresgid(65534, 65534, 65534) == 0) is_told("group");  // only root may
              coproc::stop_fork_server();
              return text;
            }),
            "");
}

TEST_P(HostState, promise_14_a_host_with_another_effective_group_is_refused_and_told_what_to_do) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has another group to take";
  // What it executed would be a process with more rights than its starter, and would not believe what that asks for.
  const std::string text = in_host([] {
    if (::setegid(65534) != 0) return std::string("no other group");
    Player worker(GetParam());
    worker.start("answers");
    const std::string group = worker.ask("group");
    worker->stop();
    return group;
  });
  if (GetParam() == StartMethod::fork) {
    EXPECT_EQ(text, "65534");
  } else {
    EXPECT_THAT(text, ::testing::HasSubstr("effective"));
    EXPECT_THAT(text, ::testing::HasSubstr("StartMethod::fork"));
  }
}

TEST(ForkServer, HoldsNothingOfItsHost) {
  const Pipe out;
  EXPECT_EQ(in_host([&] {
              ::dup2(out.write_fd(), 0);
              ::dup2(out.write_fd(), 1);
              const int error = ::dup(2);
              ::dup2(out.write_fd(), 2);
              coproc::start_fork_server();
              ::dup2(error, 2);
              std::string text;
              for (const auto& [fd, target] : descriptors_of(fork_server_of(::getpid()))) {
                text += std::to_string(fd) + " " + target.substr(0, target.find('[')) + ", ";
              }
              Player worker(StartMethod::fork_server);
              worker.start("answers");
              worker->stop();
              coproc::stop_fork_server();
              return text;
            }),
            "0 /dev/null, 1 /dev/null, 2 /dev/null, 4 socket:, ");
}

}  // namespace
