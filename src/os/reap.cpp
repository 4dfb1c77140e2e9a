#include "os/reap.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.hpp"
#include "os/cpu.hpp"
#include "os/crash_signals.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

/// struct pidfd_info of Linux 6.15, which the C library's headers do not have yet.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup_id;
  std::uint32_t ids[11];
  std::int32_t exit_code;  // as wait() gives it
  std::uint32_t core_dump[2];
};
static_assert(sizeof(PidfdInfo) == 72);
constexpr std::uint64_t kInfoExit = 1 << 3;
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);

Ended from_wait_status(int status) noexcept {
  Ended ended;
  if (WIFEXITED(status)) {
    ended.how = Ended::How::exited;
    ended.value = WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    ended.how = Ended::How::signalled;
    ended.value = WTERMSIG(status);
    ended.core_dumped = WCOREDUMP(status);
  }
  return ended;
}

/// For a child that another thread has reaped or is reaping: its exit code is there only when that is done.
Ended ask_for_exit_code(const Pidfd& child) noexcept {
  const Deadline patience(std::chrono::milliseconds(200));
  do {
    PidfdInfo info{};
    info.mask = kInfoExit;
    if (call_retried([&] { return ::ioctl(child.fd(), kGetInfo, &info); }) != 0) return {};
    if ((info.mask & kInfoExit) != 0) return from_wait_status(info.exit_code);
    yield();
  } while (!patience.passed());
  return {};
}

std::int64_t to_us(const timeval& time) noexcept { return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec; }

/// The hard limit that ended a process which is not reaped yet, if one did: the kernel then sends SIGKILL, and tells
/// nobody why. The kernel's accounts for limits count whole ticks, for the process that runs at each one, while
/// `used_us` is the time that really passed. Measured (Linux 6.18 with 250 Hz, limits of 1 to 3 s): a process that was
/// killed by its limit had used at least 0.91 of it, or 0.83 beside four busy processes of a higher priority on two
/// processors; sometimes more than all of it. Half of it is far enough from that, and a process with such a limit that
/// somebody else kills there is rare. Only one that takes care to run just at the ticks is killed after a tenth, and
/// is not recognised here.
const char* exhausted_limit(pid_t process, std::int64_t used_us) noexcept {
  const int saved = errno;
  constexpr double kLeastShare = 0.5, kTickUs = 10'000;  // of the slowest kernels, for short limits
  const auto is_used_up = [&](__rlimit_resource kind, double unit_us) {
    rlimit limit{};
    return call_retried([&] { return ::prlimit(process, kind, nullptr, &limit); }) == 0 &&
           limit.rlim_max != RLIM_INFINITY &&
           static_cast<double>(used_us) >= kLeastShare * unit_us * static_cast<double>(limit.rlim_max) - kTickUs;
  };
  const char* limit = is_used_up(RLIMIT_CPU, 1e6) ? "RLIMIT_CPU" : nullptr;
  if (limit == nullptr && is_used_up(RLIMIT_RTTIME, 1)) {
    const int policy = call_retried([&] { return ::sched_getscheduler(process); }) & ~SCHED_RESET_ON_FORK;
    if (policy == SCHED_FIFO || policy == SCHED_RR) limit = "RLIMIT_RTTIME";
  }
  errno = saved;
  return limit;
}

/// `option` is 0 to reap, or WNOWAIT only to look.
std::optional<Ended> wait_for_ended(const Pidfd& child, int option) {
  siginfo_t info{};
  rusage use{};
  // The system call itself: the C library's waitid leaves out its fifth argument, the resource use.
  const auto wait = [&](int with) {
    return ::syscall(SYS_waitid, static_cast<int>(P_PIDFD), child.fd(), &info, WEXITED | WNOHANG | __WALL | with, &use);
  };
  // Always looks first: only then it is known that SIGKILL has ended the process, and its limits can be read only
  // until it is reaped.
  if (call_retried([&] { return wait(WNOWAIT); }) != 0) {
    if (errno != ECHILD) throw_errno("waitid", "P_PIDFD", child.fd(), "WEXITED|WNOHANG|__WALL|WNOWAIT");
    if (!child.is_ended()) return std::nullopt;
    return ask_for_exit_code(child);
  }
  if (info.si_pid == 0) return std::nullopt;
  const bool was_killed = info.si_code == CLD_KILLED && info.si_status == SIGKILL;
  const char* const limit =
      was_killed ? exhausted_limit(info.si_pid, to_us(use.ru_utime) + to_us(use.ru_stime)) : nullptr;
  if (option == 0 && call_retried([&] { return wait(0); }) != 0) {
    if (errno != ECHILD) throw_errno("waitid", "P_PIDFD", child.fd(), "WEXITED|WNOHANG|__WALL");
    return ask_for_exit_code(child);  // the program has reaped the child first
  }
  Ended ended;
  ended.how = info.si_code == CLD_EXITED ? Ended::How::exited : Ended::How::signalled;
  ended.value = info.si_status;
  ended.core_dumped = info.si_code == CLD_DUMPED;
  ended.user_us = to_us(use.ru_utime);
  ended.system_us = to_us(use.ru_stime);
  ended.peak_kib = use.ru_maxrss;
  ended.limit = limit;
  return ended;
}

}  // namespace

std::optional<Ended> reap_ended(const Pidfd& child) { return wait_for_ended(child, 0); }
std::optional<Ended> look_at_ended(const Pidfd& process) { return wait_for_ended(process, WNOWAIT); }

bool kill_group_of_ended(const Pidfd& child, pid_t pid) noexcept {
  constexpr unsigned kProcessGroup = 1 << 2;  // PIDFD_SIGNAL_PROCESS_GROUP
  const int saved = errno;
  const auto by_descriptor = [&] {
    return ::syscall(SYS_pidfd_send_signal, child.fd(), SIGKILL, nullptr, kProcessGroup);
  };
  bool is_gone = call_retried(by_descriptor) == 0 || errno == ESRCH;
  if (!is_gone && errno == EINVAL) {
    siginfo_t info{};
    const auto look = [&] {
      return ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.fd()), &info,
                      WEXITED | WNOHANG | WNOWAIT | __WALL);
    };
    if (call_retried(look) == 0 && info.si_pid == pid) is_gone = ::kill(-pid, SIGKILL) == 0 || errno == ESRCH;
  }
  errno = saved;
  return is_gone;
}

void reap_strays_of_group(pid_t group) noexcept {
  const int saved = errno;
  // A process that adopts orphans waits for children that it does not know anyway, and may want to see how these
  // ended.
  int is_subreaper = 0;
  if (::getpid() == 1 || ::prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) != 0 || is_subreaper != 0) {
    errno = saved;
    return;
  }
  const Deadline patience(std::chrono::milliseconds(100));
  do {
    siginfo_t info{};
    const auto reap = [&] { return ::waitid(P_PGID, static_cast<id_t>(group), &info, WEXITED | WNOHANG | __WALL); };
    if (call_retried(reap) != 0) break;  // none are left
    if (info.si_pid == 0) sleep_once(std::chrono::milliseconds(1));
  } while (!patience.passed());
  errno = saved;
}

Signalling send_signal(pid_t child, int signal) {
  if (const auto outcome = outcome_of_signal(call_retried([&] { return ::kill(child, signal); }))) return *outcome;
  throw_errno("kill", child, signal);
}

void kill_and_reap(pid_t child) noexcept {
  const int saved = errno;
  ::kill(child, SIGKILL);
  siginfo_t unused{};
  while (::waitid(P_PID, static_cast<id_t>(child), &unused, WEXITED | __WALL) != 0 && errno == EINTR) {}
  errno = saved;
}

}  // namespace coproc::inline v0::os
