// Promise 15 on a terminal, in every way to start a worker: Ctrl-C and Ctrl-Z go to the host and all of its workers.
#include <pty.h>

#include <thread>

#include "conformance/player.hpp"
#include "support/process.hpp"

using parts::Player;
using support::fork_server_of;
using support::Pipe;

namespace {

class Terminal : public parts::ByEveryWay {
 protected:
  /// A session with a terminal: a shell, as small as can be, which runs `job` as its foreground job, tells the test
  /// where that has stopped, and continues it when it is told to. Returns the terminal's other side.
  template <class Job>
  int run_in_terminal(Job job) {
    int terminal = -1;
    std::fflush(nullptr);
    shell_ = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    if (shell_ != 0) return terminal;
    ::signal(SIGTTOU, SIG_IGN);
    const Pipe is_foreground;
    const pid_t host = ::fork();
    if (host == 0) {
      ::signal(SIGTTOU, SIG_DFL);
      is_foreground.read<char>();
      job();
      ::_exit(0);
    }
    ::setpgid(host, host);
    ::tcsetpgrp(STDIN_FILENO, host);
    is_foreground.write('f');
    int status = 0;
    while (::waitpid(host, &status, WUNTRACED) == host && WIFSTOPPED(status)) {
      to_test_.write('s');
      to_shell_.read<char>();
      ::tcsetpgrp(STDIN_FILENO, host);
      ::kill(-host, SIGCONT);
    }
    ::tcsetpgrp(STDIN_FILENO, ::getpgrp());  // else what is left of the job is hung up when this ends
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
  }

  pid_t shell_ = -1;
  const Pipe to_test_, to_shell_, to_host_;
};
INSTANTIATE_TEST_SUITE_P(By, Terminal, parts::every_way(), parts::name_of_way);

const Pipe* interrupts = nullptr;

/// The rest of a host's life: tells `to_test` how its worker and its fork server have got over it.
void check_and_start_another(const parts::Way& way, Player& worker, pid_t server, const Pipe& to_test) {
  Player another(way);
  another.start("answers");
  to_test.write(worker.ask("echo x") == "x" && another.ask("echo y") == "y");
  to_test.write(fork_server_of(::getpid()) == server);
  to_test.write(worker->stop().success() && another->stop().success());
  coproc::stop_fork_server();
}

TEST_P(Terminal, promise_15_workers_survive_ctrl_c_and_the_host_decides) {
  interrupts = &to_test_;
  const int terminal = run_in_terminal([&] {
    ::signal(SIGINT, [](int) { interrupts->write('i'); });
    Player worker(GetParam());
    worker.start("answers");
    const pid_t server = fork_server_of(::getpid());
    to_test_.write('r');
    to_host_.read<char>();
    check_and_start_another(GetParam(), worker, server, to_test_);
  });
  ASSERT_EQ(to_test_.read<char>(), 'r');
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(::write(terminal, "\x03", 1), 1);
    EXPECT_EQ(to_test_.read<char>(), 'i');
  }
  to_host_.write('g');
  EXPECT_TRUE(to_test_.read<bool>()) << "the workers";
  EXPECT_TRUE(to_test_.read<bool>()) << "the fork server";
  EXPECT_TRUE(to_test_.read<bool>()) << "the workers' ends";
  EXPECT_EQ(support::end_of(shell_), "exit 0");
  ::close(terminal);
}

TEST_P(Terminal, promise_15_a_host_that_ctrl_c_ends_takes_its_workers_along) {
  const support::Orphans orphans;
  const int terminal = run_in_terminal([&] {
    ::signal(SIGINT, SIG_DFL);  // a job in the background is started with it ignored
    Player worker(GetParam());
    worker.start("spins");
    to_test_.write('r');
    to_test_.write(worker->pid());
    support::sleep_for_ever();
  });
  ASSERT_EQ(to_test_.read<char>(), 'r');
  const auto worker = to_test_.read<pid_t>();
  EXPECT_EQ(::write(terminal, "\x03", 1), 1);
  EXPECT_EQ(support::end_of(shell_), "exit 99");
  EXPECT_EQ(GetParam().end_of_orphan(worker), GetParam().as_seen("signal 9"));
  ::close(terminal);
}

TEST_P(Terminal, promise_15_ctrl_z_and_fg_break_nothing) {
  const int terminal = run_in_terminal([&] {
    Player worker(GetParam());
    worker.start("answers");
    const pid_t server = fork_server_of(::getpid());
    to_test_.write('r');
    to_test_.write(GetParam().is_in_hosts_group() ? worker->pid() : ::getpid());
    to_host_.read<char>();
    check_and_start_another(GetParam(), worker, server, to_test_);
  });
  ASSERT_EQ(to_test_.read<char>(), 'r');
  const auto stopped = to_test_.read<pid_t>();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(::write(terminal, "\x1a", 1), 1);
    EXPECT_EQ(to_test_.read<char>(), 's');
    while (support::state_of(stopped) != 'T') std::this_thread::yield();
    to_shell_.write('c');
    while (support::state_of(stopped) == 'T') std::this_thread::yield();
  }
  to_host_.write('g');
  EXPECT_TRUE(to_test_.read<bool>()) << "the workers";
  EXPECT_TRUE(to_test_.read<bool>()) << "the fork server";
  EXPECT_TRUE(to_test_.read<bool>()) << "the workers' ends";
  EXPECT_EQ(support::end_of(shell_), "exit 0");
  ::close(terminal);
}

volatile sig_atomic_t hang_ups = 0;

TEST_P(Terminal, promise_15_workers_survive_the_end_of_the_terminal_and_the_host_decides) {
  const support::Orphans orphans;
  const int terminal = run_in_terminal([&] {
    ::signal(SIGHUP, [](int) { hang_ups = hang_ups + 1; });
    Player worker(GetParam());
    worker.start("answers");
    const pid_t server = fork_server_of(::getpid());
    to_test_.write('r');
    to_test_.write(::getpid());
    to_host_.read<char>();
    to_test_.write(hang_ups > 0);
    check_and_start_another(GetParam(), worker, server, to_test_);
  });
  ASSERT_EQ(to_test_.read<char>(), 'r');
  const auto host = to_test_.read<pid_t>();
  ::close(terminal);
  EXPECT_EQ(support::end_of(shell_), "signal 1");  // it led the session: at its end all in the foreground are hung up
  to_host_.write('g');
  EXPECT_TRUE(to_test_.read<bool>()) << "the host";
  EXPECT_TRUE(to_test_.read<bool>()) << "the workers";
  EXPECT_TRUE(to_test_.read<bool>()) << "the fork server";
  EXPECT_TRUE(to_test_.read<bool>()) << "the workers' ends";
  EXPECT_EQ(support::end_of(host), "exit 0");
}

}  // namespace
