#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "os/child_for_test.hpp"
#include "os/crash_signals.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"
#include "os/pipe.hpp"
#include "os/poll.hpp"
#include "os/process_state.hpp"
#include "os/reap.hpp"
#include "os/sanitizer.hpp"
#include "os/signals.hpp"

namespace os = coproc::os;
using How = os::Ended::How;

namespace {

/// A forked child with its pidfd. The result of `body` is the child's exit code.
template <class Body>
os::Pidfd start(Body body, pid_t* pid_out = nullptr) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  if (pid_out != nullptr) *pid_out = pid;
  return os::Pidfd::open(pid);
}

void wait_until_ended(const os::Pidfd& child) {
  pollfd entry = {child.fd(), POLLIN, 0};
  while (os::poll_once({&entry, 1}, os::Deadline::forever()) != os::PollEnd::ready) {}
}

TEST(Reap, ALivingChildIsNotReaped) {
  const os::Pidfd child = start([] { return ::pause(); });
  EXPECT_FALSE(os::reap_ended(child));
  EXPECT_FALSE(child.is_ended());
  EXPECT_EQ(child.send_signal(SIGKILL), os::Signalling::sent);
  wait_until_ended(child);
  EXPECT_TRUE(child.is_ended());
  const auto ended = os::reap_ended(child);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->how, How::signalled);
  EXPECT_EQ(ended->value, SIGKILL);
  EXPECT_FALSE(ended->core_dumped);
  EXPECT_EQ(child.send_signal(SIGKILL), os::Signalling::ended);
  EXPECT_FALSE(os::testing::has_children());
}

TEST(Reap, GivesTheCodeAndWhatWasUsed) {
  const os::Pidfd child = start([] {
    const std::int64_t end = os::now_ns() + 20'000'000;
    while (os::now_ns() < end) {}
    return 7;
  });
  wait_until_ended(child);
  const auto ended = os::reap_ended(child);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->how, How::exited);
  EXPECT_EQ(ended->value, 7);
  EXPECT_GT(ended->user_us + ended->system_us, 0);
  EXPECT_GT(ended->peak_kib, 0);
}

/// Whether reap_ended() gave the code, as on Linux 6.15 or later, or could not know it.
bool is_code_or_unknown(const std::optional<os::Ended>& ended, int code) {
  return ended && (ended->how == How::unknown || (ended->how == How::exited && ended->value == code));
}

TEST(Reap, AChildThatTheProgramHasReapedStillHasAnEnd) {
  pid_t pid = 0;
  const os::Pidfd child = start([] { return 9; }, &pid);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_TRUE(is_code_or_unknown(os::reap_ended(child), 9));
  EXPECT_TRUE(is_code_or_unknown(os::reap_ended(child), 9));  // and again
}

TEST(Reap, SoHasOneWhoseSignalTheProgramIgnores) {
  EXPECT_EQ(os::testing::in_child([] {
              ::signal(SIGCHLD, SIG_IGN);
              os::SignalBlock no_signals;
              const os::Pipe gate = os::Pipe::create();
              const os::Pidfd child = start([&] {
                pollfd entry = {gate.read_end.get(), POLLIN, 0};
                return os::poll_once({&entry, 1}, os::Deadline::forever()) == os::PollEnd::ready ? 9 : 1;
              });
              if (os::reap_ended(child)) return 1;
              (void)os::write_wake(gate.write_end);
              wait_until_ended(child);
              return is_code_or_unknown(os::reap_ended(child), 9) ? 0 : 2;
            }),
            0);
}

TEST(Reap, KillAndReapLeavesNoZombie) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  os::kill_and_reap(pid);
  EXPECT_FALSE(os::testing::has_children());
}

/// A child that leads a group with one child of its own in it, and has ended; what is left of the group holds the write
/// end of a pipe.
struct Group {
  Group() {
    leader = start(
        [&] {
          os::lead_process_group();
          if (::fork() == 0) {
            for (;;) ::pause();
          }
          return 0;
        },
        &pid);
    life.write_end.reset();
    wait_until_ended(leader);
  }
  bool is_alive() const {
    char byte;
    return !os::read_available(life.read_end, {&byte, 1}).is_at_end;
  }
  void expect_it_ends() const {
    pollfd entry = {life.read_end.get(), POLLIN, 0};
    while (os::poll_once({&entry, 1}, os::Deadline::forever()) != os::PollEnd::ready) {}
    EXPECT_FALSE(is_alive());
  }

  os::Pipe life = os::Pipe::create();
  pid_t pid = 0;
  os::Pidfd leader;
};

TEST(Reap, KillsTheGroupOfAnEndedChild) {
  const Group group;
  EXPECT_TRUE(group.is_alive());
  EXPECT_TRUE(os::kill_group_of_ended(group.leader, group.pid));
  group.expect_it_ends();
  EXPECT_EQ(os::reap_ended(group.leader)->value, 0);
}

TEST(Reap, KillsTheGroupByItsNumberWhereTheKernelCannotOtherwise) {
  const Group group;
  os::arm_fault(1, EINVAL);
  EXPECT_TRUE(os::kill_group_of_ended(group.leader, group.pid));
  os::disarm_fault();
  group.expect_it_ends();
  EXPECT_EQ(os::reap_ended(group.leader)->value, 0);
}

TEST(Reap, KillsNothingByANumberThatMayBelongToOthers) {
  const Group group;
  ASSERT_EQ(::waitpid(group.pid, nullptr, 0), group.pid);
  os::arm_fault(1, EINVAL);
  EXPECT_FALSE(os::kill_group_of_ended(group.leader, group.pid));
  os::disarm_fault();
  EXPECT_TRUE(group.is_alive());
  ::kill(-group.pid, SIGKILL);
  group.expect_it_ends();
}

TEST(Pidfd, OpeningAProcessThatIsGoneIsAnError) {
  pid_t pid = 0;
  {
    const os::Pidfd child = start([] { return 0; }, &pid);
  }
  ::waitpid(pid, nullptr, 0);
  EXPECT_THROW((void)os::Pidfd::open(pid), std::system_error);
  EXPECT_FALSE(os::Pidfd().is_ended());
}

sigset_t current_mask() {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

TEST(Signals, ABlockEndsWithItsScope) {
  const sigset_t before = current_mask();
  {
    const os::SignalBlock block;
    const sigset_t inside = current_mask();
    EXPECT_EQ(sigismember(&inside, SIGTERM), 1);
    EXPECT_EQ(sigismember(&inside, SIGUSR2), 1);
  }
  const sigset_t after = current_mask();
  for (int signal = 1; signal < 32; ++signal)
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
}

TEST(Signals, AChildStartsAfresh) {
  EXPECT_EQ(os::testing::in_child([] {
              for (const int signal : {SIGTERM, SIGUSR1, SIGCHLD, SIGPIPE, SIGRTMIN, SIGINT}) {
                ::signal(signal, [](int) {});
              }
              static char stack[65536];
              stack_t alternate{};
              alternate.ss_sp = stack;
              alternate.ss_size = sizeof stack;
              ::sigaltstack(&alternate, nullptr);
              const os::SignalBlock inherited;
              os::reset_signals();
              os::begin_signals({});
              struct sigaction now {};
              for (const int signal : {SIGUSR1, SIGCHLD, SIGPIPE, SIGRTMIN}) {
                ::sigaction(signal, nullptr, &now);
                if (now.sa_handler != SIG_DFL) return signal;
              }
              ::sigaction(SIGINT, nullptr, &now);
              if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN || (now.sa_flags & SA_RESTART) == 0)
                return 100;
              ::sigaltstack(nullptr, &alternate);
              if (((alternate.ss_flags & SS_DISABLE) == 0) != os::kHasSanitizer) return 101;
              const sigset_t mask = current_mask();
              if (sigismember(&mask, SIGTERM) != 0) return 102;
              ::raise(SIGINT);  // does not end it
              return 0;
            }),
            0);
}

TEST(Signals, OnlySanitizersKeepTheirHandlersOfCrashes) {
  for (const int signal : os::kCrashSignals) {
    EXPECT_EQ(os::testing::in_child([signal] {
                ::signal(signal, [](int) {});
                os::reset_signals();
                os::begin_signals({});
                struct sigaction now {};
                ::sigaction(signal, nullptr, &now);
                return now.sa_handler == SIG_DFL ? 1 : 2;
              }),
              os::kHasSanitizer ? 2 : 1);
  }
}

TEST(CrashSignals, ASignalStackHasAGuardAndIsMadeOnce) {
  EXPECT_EQ(os::testing::in_child([] {
              stack_t stack{};
              stack.ss_flags = SS_DISABLE;
              ::sigaltstack(&stack, nullptr);
              os::use_signal_stack();
              ::sigaltstack(nullptr, &stack);
              if (stack.ss_flags != 0 || stack.ss_size < 65536) return 1;
              std::uintptr_t word = 0;
              const auto bottom = reinterpret_cast<std::uintptr_t>(stack.ss_sp);
              if (!os::read_word(bottom, word) || os::read_word(bottom - sizeof word, word)) return 2;
              os::use_signal_stack();
              stack_t again{};
              ::sigaltstack(nullptr, &again);
              return again.ss_sp == stack.ss_sp ? 0 : 3;
            }),
            0);
}

TEST(CrashSignals, AnEndBySignalIsCertain) {
  EXPECT_EQ(os::testing::in_child([]() -> int {
              ::signal(SIGILL, SIG_IGN);
              const os::SignalBlock blocked;
              os::end_by_signal(SIGILL);
            }),
            1000 + SIGILL);
}

TEST(CrashSignals, ASignalThatIsRaisedOnReturnKeepsItsInfo) {
  EXPECT_EQ(os::testing::in_child([] {
              sigset_t one;
              sigemptyset(&one);
              sigaddset(&one, SIGILL);
              siginfo_t info{};
              info.si_signo = SIGILL;
              info.si_code = ILL_ILLOPN;
              info.si_addr = &one;
              os::raise_on_return(SIGILL, info);
              siginfo_t got{};
              if (::sigwaitinfo(&one, &got) != SIGILL) return 1;
              return got.si_code == ILL_ILLOPN && got.si_addr == &one ? 0 : 2;
            }),
            0);
}

TEST(ProcessState, CountsThreads) {
  const std::size_t before = os::thread_count();
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::thread other([&] { const std::scoped_lock wait(mutex); });
  EXPECT_EQ(os::thread_count(), before + 1);
  lock.unlock();
  other.join();
}

TEST(ProcessState, ClosesAllButSome) {
  EXPECT_EQ(os::testing::in_child([] {
              const int first = os::open_file("/dev/null", O_RDONLY).release();
              const int second = os::open_file("/dev/null", O_RDONLY).release();
              const int third = os::open_file("/dev/null", O_RDONLY).release();
              const int keep[] = {third, -1, first, first};
              os::close_all_fds_except(keep);
              if (!os::is_open(first) || os::is_open(second) || !os::is_open(third)) return 1;
              os::close_all_fds_except({});
              if (os::is_open(first) || os::is_open(third)) return 2;
              return os::is_open(0) && os::is_open(1) && os::is_open(2) ? 0 : 3;
            }),
            0);
}

TEST(ProcessState, NameAndDirectory) {
  EXPECT_EQ(os::testing::in_child([] {
              os::set_process_name("a name that is too long");
              char name[16] = {};
              ::prctl(PR_GET_NAME, name, 0, 0, 0);
              if (std::strcmp(name, "a name that is ") != 0) return 1;
              os::change_directory("/proc");
              char directory[64];
              return std::strcmp(::getcwd(directory, sizeof directory), "/proc") == 0 ? 0 : 2;
            }),
            0);
  EXPECT_THROW(os::change_directory("/no such directory"), std::system_error);
}

TEST(File, PutAtStaysOpenAcrossExec) {
  const os::Fd null = os::open_file("/dev/null", O_WRONLY);
  EXPECT_TRUE((::fcntl(null.get(), F_GETFD) & FD_CLOEXEC) != 0);
  const os::Fd copy = os::duplicate(null.get());
  const os::Fd target = os::duplicate(null.get());
  os::put_at(copy, target.get());
  EXPECT_TRUE((::fcntl(target.get(), F_GETFD) & FD_CLOEXEC) == 0);
  EXPECT_THROW((void)os::open_file("/no such file", O_RDONLY), std::system_error);
  EXPECT_THROW((void)os::duplicate(-1), std::system_error);
}

}  // namespace
