// Nothing of a worker stays behind, and nothing of the program's own is touched: promise 8's descendants and reaping.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <atomic>
#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "support/descendants.hpp"

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::PriorityMessenger;
using coproc::WorkerResource;
using support::PidPipe;

namespace {

/// Starts two grandchildren, one of which ignores SIGTERM, says so, then does as its first message says.
void has_children(PriorityMessenger& host, const PidPipe& pids) {
  pids.write(support::fork_that_lives([] {}));
  pids.write(support::fork_that_lives([] { ::signal(SIGTERM, SIG_IGN); }));
  host.send_norequest(1);
  const auto order = host.receive_blocking<std::string>();
  if (order == "crash") ::raise(SIGABRT);
  if (order == "return") return;
  host.receive_blocking();
}

auto start_family(const PidPipe& pids, coproc::WorkerOptions options = {.kill_descendants = true}) {
  options.method = coproc::StartMethod::fork;
  WorkerResource worker{[&pids](PriorityMessenger& host) { has_children(host, pids); }, options};
  worker.start();
  EXPECT_EQ(worker.messenger().template receive_blocking<int>(), 1);
  return worker;
}
using Family = decltype(start_family(std::declval<const PidPipe&>()));

void expect_children_killed(const PidPipe& pids) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(support::signal_that_ended(pids.read()), SIGKILL);
}

/// Sets what SIGCHLD does in this process for a while.
class OnSigchld {
 public:
  explicit OnSigchld(void (*handler)(int), int flags = 0) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    ::sigaction(SIGCHLD, &action, &old_);
  }
  OnSigchld(const OnSigchld&) = delete;
  OnSigchld& operator=(const OnSigchld&) = delete;
  ~OnSigchld() { ::sigaction(SIGCHLD, &old_, nullptr); }

 private:
  struct sigaction old_ {};
};

void reap_everything(int) {
  const int saved = errno;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
  errno = saved;
}

void (*handler_of_sigchld())(int) {
  struct sigaction now {};
  ::sigaction(SIGCHLD, nullptr, &now);
  return now.sa_handler;
}

/// Where the program takes the end away, newer kernels still tell how it was.
void expect_code(const ExitStatus& status, int code) {
  if (!support::kernel_is_at_least(6, 15) && std::holds_alternative<coproc::UnknownEnd>(status.end)) return;
  EXPECT_EQ(status.code(), code) << status.describe();
}

void expect_codes_of_workers(int workers) {
  WorkerResource worker{[](PriorityMessenger& host, int code) {
    host.send_norequest(code);
    ::_exit(code);
  }};
  for (int code = 1; code <= workers; ++code) {
    worker.start(code);
    EXPECT_EQ(worker.messenger().receive_blocking<int>(), code);
    try {
      worker.messenger().receive_blocking();
      ADD_FAILURE();
    } catch (const coproc::WorkerDiedError& error) {
      expect_code(error.exit_status(), code);
    }
    expect_code(worker.join(), code);
  }
}

}  // namespace

TEST(Promises, promise_08_descendants_are_killed_however_the_worker_ends) {
  const std::vector<std::function<void(Family)>> endings = {[](Family worker) { EXPECT_TRUE(worker.stop().success()); },
                                                            [](Family worker) {
                                                              worker.messenger().send_norequest("return");
                                                              EXPECT_TRUE(worker.join().success());
                                                            },
                                                            [](Family worker) {
                                                              worker.messenger().send_norequest("crash");
                                                              EXPECT_THROW(worker.messenger().receive_blocking(),
                                                                           coproc::WorkerDiedError);
                                                            },
                                                            [](Family worker) {
                                                              worker.kill();
                                                              EXPECT_EQ(worker.join().signal(), SIGKILL);
                                                            },
                                                            [](Family worker) {
                                                              ::kill(worker.pid(), SIGKILL);  // by somebody else
                                                              while (worker.is_alive()) std::this_thread::yield();
                                                              EXPECT_EQ(worker.exit_status()->signal(), SIGKILL);
                                                            },
                                                            [](Family worker) {  // seen only by the destructor
                                                              ::kill(worker.pid(), SIGKILL);
                                                              while (worker.is_alive()) std::this_thread::yield();
                                                            },
                                                            [](const Family&) {}};
  const support::Subreaper sees_the_orphans;
  for (const auto& end : endings) {
    SCOPED_TRACE(&end - endings.data());
    const PidPipe pids;
    end(start_family(pids));
    expect_children_killed(pids);
  }
}

TEST(Promises, promise_08_descendants_live_on_where_the_user_has_not_asked_for_their_end) {
  const support::Subreaper sees_the_orphans;
  const PidPipe pids;
  start_family(pids, {.kill_descendants = false}).stop();
  for (int i = 0; i < 2; ++i) {
    const pid_t child = pids.read();
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), 0);
    ::kill(child, SIGUSR1);  // which nothing of coproc sends
    EXPECT_EQ(support::signal_that_ended(child), SIGUSR1);
  }
}

TEST(Promises, promise_08_a_descendant_that_has_left_the_group_is_not_killed) {
  const support::Subreaper sees_the_orphans;
  const PidPipe pids;
  WorkerResource worker{[&pids](PriorityMessenger&) { pids.write(support::fork_that_lives([] { ::setsid(); })); },
                        {.kill_descendants = true}};
  worker.start();
  EXPECT_TRUE(worker.join().success());
  const pid_t child = pids.read();
  EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), 0);
  ::kill(child, SIGUSR1);
  EXPECT_EQ(support::signal_that_ended(child), SIGUSR1);
}

TEST(Promises, promise_08_descendants_are_killed_also_where_the_program_has_reaped_the_worker) {
  if (!support::kernel_is_at_least(6, 9)) GTEST_SKIP() << "before Linux 6.9 they are left alone then";
  const support::Subreaper sees_the_orphans;
  const PidPipe pids;
  auto worker = start_family(pids);
  worker.messenger().send_norequest("return");
  EXPECT_EQ(::waitpid(worker.pid(), nullptr, 0), worker.pid());
  expect_code(worker.join(), 0);
  expect_children_killed(pids);
}

TEST(Promises, promise_08_a_thread_that_waits_for_every_child_takes_no_answer_away) {
  std::atomic<bool> is_done{false};
  std::thread waits([&] {
    while (!is_done) {
      if (::waitpid(-1, nullptr, 0) < 0) std::this_thread::yield();
    }
  });
  expect_codes_of_workers(50);
  is_done = true;
  coproc::stop_fork_server();  // one of the children that the thread waits for
  waits.join();
}

TEST(Promises, promise_08_a_sigchld_handler_that_reaps_everything_takes_no_answer_away) {
  const OnSigchld handler(&reap_everything, SA_RESTART);
  expect_codes_of_workers(50);
  EXPECT_EQ(handler_of_sigchld(), &reap_everything);
}

TEST(Promises, promise_08_sigchld_may_be_ignored) {
  {
    const OnSigchld ignored(SIG_IGN);
    expect_codes_of_workers(20);
    EXPECT_EQ(handler_of_sigchld(), SIG_IGN);
  }
  const OnSigchld not_kept(SIG_DFL, SA_NOCLDWAIT);
  expect_codes_of_workers(20);
}

TEST(Promises, promise_08_sigchld_may_be_ignored_after_the_start) {
  const support::Subreaper sees_the_orphans;
  const PidPipe pids;
  auto worker = start_family(pids);
  {
    const OnSigchld ignored(SIG_IGN);
    const ExitStatus status = worker.stop();
    expect_code(status, 0);
  }
  // The orphans were this process's children when SIGCHLD was ignored, or after: either way they are gone.
  for (int i = 0; i < 2; ++i) {
    const pid_t child = pids.read();
    if (support::kernel_is_at_least(6, 9)) {
      while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
      EXPECT_NE(::kill(child, 0), 0);
    } else {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }
}

TEST(Promises, promise_08_children_that_a_worker_gives_its_host_are_reaped_with_its_group) {
  WorkerResource worker{+[](PriorityMessenger& host) {
                          // Children of the host's, which it knows nothing of.
                          for (const bool lives_on : {false, false, true}) {
                            if (::syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0) != 0) continue;
                            while (lives_on) ::pause();
                            ::_exit(0);
                          }
                          host.send_norequest(1);
                          for (;;) ::pause();
                        },
                        {.kill_descendants = true}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  worker.kill();
  worker.join();
  coproc::stop_fork_server();
  EXPECT_TRUE(::waitpid(-1, nullptr, WNOHANG | __WALL) < 0 && errno == ECHILD);
}
