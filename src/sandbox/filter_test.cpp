#include "sandbox/filter.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <string>

#include "sandbox/calls.hpp"
#include "sandbox/run_filter_for_test.hpp"
#include "sandbox/simulated_calls_for_test.hpp"

using namespace coproc;
using namespace coproc::sandbox;
using namespace coproc::sandbox::testing;

namespace {

constexpr std::uint32_t kAllowed = SECCOMP_RET_ALLOW, kTrapped = SECCOMP_RET_TRAP, kKilled = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t refused(int number) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number); }

std::uint32_t decide(const Sandbox& sandbox, const seccomp_data& call) {
  return run_filter(make_filter(sandbox.parts(), kOwnProcess), call);
}

/// What the table says, read in the simplest way.
bool fits(const Call& row, const seccomp_data& call) {
  return std::all_of(row.conditions.begin(), row.conditions.end(), [&](const Condition& each) {
    const std::uint64_t value = each.is_own_process ? kOwnProcess : each.value;
    return (call.args[each.argument] & each.mask) == value;
  });
}

/// A call that guard() denies: the number of its error.
std::optional<int> denied_by_guard(const seccomp_data& call) {
  for (const Call& row : calls_denied_by_guard()) {
    if (row.number == call.nr && fits(row, call)) return row.refusal == Refusal::is_unknown_ever ? ENOSYS : EPERM;
  }
  return std::nullopt;
}

std::uint32_t by_the_table(const detail::SandboxParts& parts, const seccomp_data& call) {
  const bool is_guard = parts.kind == detail::SandboxKind::guard;
  if (call.nr < 0 || (call.nr & 0x40000000) != 0) return kKilled;
  if (const auto error = is_guard ? denied_by_guard(call) : std::nullopt) {
    return parts.is_strict && *error == EPERM ? kTrapped : refused(*error);
  }
  const Call* first = nullptr;
  for (const Call& row : calls()) {
    if (row.number != call.nr) continue;
    if (first == nullptr) first = &row;
    if (std::find(parts.calls.begin(), parts.calls.end(), row.name) != parts.calls.end()) return kAllowed;
    const bool holds = row.need == Need::nothing ||
                       (row.need == Need::files && parts.kind != detail::SandboxKind::compute) ||
                       (row.need == Need::programs && (!parts.executable.empty() || parts.has_system)) ||
                       (row.need == Need::network && parts.kind == detail::SandboxKind::client);
    if ((holds || is_guard) && fits(row, call)) return kAllowed;
  }
  if (is_guard) return first != nullptr && first->is_guarded ? (parts.is_strict ? kTrapped : refused(EPERM)) : kAllowed;
  const Refusal refusal = first == nullptr ? Refusal::is_unknown : first->refusal;
  if (refusal == Refusal::no_access_ever) return refused(EACCES);
  if (refusal == Refusal::is_no_terminal) return refused(ENOTTY);
  if (refusal == Refusal::is_unknown_ever) return refused(ENOSYS);
  if (parts.is_strict || refusal == Refusal::ends) return kTrapped;
  if (refusal == Refusal::no_access) return refused(EACCES);
  return refused(refusal == Refusal::is_unknown ? ENOSYS : EPERM);
}

TEST(SandboxFilter, DecidesWhatTheTableSays) {
  const auto simulated = simulated_calls();
  ASSERT_GT(simulated.size(), 10'000U);
  for (const Sandbox& sandbox :
       {Sandbox::guard(), Sandbox::compute(), Sandbox::files(), Sandbox::client(), Sandbox::files().execute("/bin"),
        Sandbox::compute().strict(), Sandbox::guard().strict(), Sandbox::compute().allow("ptrace").allow("kill")}) {
    const auto filter = make_filter(sandbox.parts(), kOwnProcess);
    ASSERT_LE(filter.size(), std::size_t{BPF_MAXINSNS});
    std::set<std::uint32_t> seen;
    for (const seccomp_data& call : simulated) {
      const std::uint32_t decision = run_filter(filter, call);
      ASSERT_EQ(decision, by_the_table(sandbox.parts(), call))
          << name_of_call(call.nr) << "(" << call.args[0] << ", " << call.args[1] << ", " << call.args[2] << ")";
      seen.insert(decision);
    }
    EXPECT_TRUE(seen.contains(kAllowed) && seen.contains(kKilled) && seen.size() >= 3);
  }
}

TEST(SandboxFilter, ComputeReachesNobodyElse) {
  const Sandbox compute = Sandbox::compute();
  const std::uint64_t own = kOwnProcess, host = 99;
  for (const int number : {SYS_kill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo}) {
    EXPECT_EQ(decide(compute, call_of(number, {own, 9})), kAllowed) << name_of_call(number);
    EXPECT_EQ(decide(compute, call_of(number, {host, 9})), refused(EPERM)) << name_of_call(number);
    EXPECT_EQ(decide(compute, call_of(number, {0, 9})), refused(EPERM)) << name_of_call(number);
    EXPECT_EQ(decide(compute, call_of(number, {~std::uint64_t{0}, 9})), refused(EPERM)) << name_of_call(number);
    // The kernel reads only the lower half of a pid, whatever stands above it.
    EXPECT_EQ(decide(compute, call_of(number, {host | own << 32, 9})), refused(EPERM)) << name_of_call(number);
  }
  for (const Sandbox& any : {compute, Sandbox::guard(), Sandbox::files().system()}) {
    EXPECT_EQ(decide(any, call_of(SYS_prlimit64, {0})), kAllowed);
    EXPECT_EQ(decide(any, call_of(SYS_prlimit64, {own})), kAllowed);
    EXPECT_EQ(decide(any, call_of(SYS_prlimit64, {host})), refused(EPERM));
    EXPECT_EQ(decide(any, call_of(SYS_setpriority, {1, 0})), refused(EPERM));  // its group, with the host in it
    EXPECT_EQ(decide(any, call_of(SYS_setpriority, {0, host})), refused(EPERM));
  }
  for (const std::uint64_t owner :
       {8U, 10U, 15U, 1024U, 1026U}) {  // F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
    EXPECT_EQ(decide(compute, call_of(SYS_fcntl, {3, owner})), refused(EACCES)) << owner;
    EXPECT_EQ(decide(compute, call_of(SYS_fcntl, {3, owner | std::uint64_t{1} << 32})), refused(EACCES)) << owner;
  }
  EXPECT_EQ(decide(compute, call_of(SYS_fcntl, {3, 1})), kAllowed);
  EXPECT_EQ(decide(compute, call_of(SYS_fcntl, {3, 4, 0x800})), kAllowed);          // O_NONBLOCK
  EXPECT_EQ(decide(compute, call_of(SYS_fcntl, {3, 4, 0x2800})), refused(EACCES));  // with O_ASYNC
}

TEST(SandboxFilter, GuardKeepsTheHostsTerminalChildrenKeysAndMemory) {
  const Sandbox guard = Sandbox::guard();
  for (const std::uint64_t request : std::initializer_list<std::uint64_t>{TIOCSTI, TIOCLINUX, TIOCSPGRP, TIOCSCTTY}) {
    EXPECT_EQ(decide(guard, call_of(SYS_ioctl, {0, request})), refused(EPERM)) << request;
    EXPECT_EQ(decide(guard, call_of(SYS_ioctl, {0, request | std::uint64_t{1} << 32})), refused(EPERM)) << request;
  }
  EXPECT_EQ(decide(guard, call_of(SYS_ioctl, {0, TCGETS})), kAllowed);
  EXPECT_EQ(decide(guard, call_of(SYS_ioctl, {0, TIOCGWINSZ})), kAllowed);
  EXPECT_EQ(decide(guard, call_of(SYS_clone, {17})), kAllowed);
  EXPECT_EQ(decide(guard, call_of(SYS_clone, {17 | CLONE_PARENT})), refused(EPERM));
  EXPECT_EQ(decide(guard, call_of(SYS_clone3)), refused(ENOSYS));
  EXPECT_EQ(decide(guard.strict(), call_of(SYS_clone3)), refused(ENOSYS));
  EXPECT_EQ(decide(guard, call_of(SYS_keyctl, {1})), kAllowed);
  EXPECT_EQ(decide(guard, call_of(SYS_keyctl, {18})), refused(EPERM));  // KEYCTL_SESSION_TO_PARENT
  for (const int number : {SYS_perf_event_open, SYS_bpf, SYS_vhangup}) {
    EXPECT_EQ(decide(guard, call_of(number)), refused(EPERM)) << name_of_call(number);
    EXPECT_EQ(decide(guard.strict(), call_of(number)), kTrapped) << name_of_call(number);
  }
}

TEST(SandboxFilter, ThreadsAreNoProcesses) {
  const std::uint64_t thread = 0x3D0F00, process = 17;  // as glibc calls them
  EXPECT_EQ(decide(Sandbox::compute(), call_of(SYS_clone, {thread})), kAllowed);
  EXPECT_EQ(decide(Sandbox::compute(), call_of(SYS_clone, {process})), refused(EPERM));
  EXPECT_EQ(decide(Sandbox::compute(), call_of(SYS_clone, {thread | 0x10000000})), refused(EPERM));  // a namespace
  EXPECT_EQ(decide(Sandbox::compute(), call_of(SYS_clone3)), refused(ENOSYS));
  EXPECT_EQ(decide(Sandbox::compute().strict(), call_of(SYS_clone3)), refused(ENOSYS));
  const Sandbox with_programs = Sandbox::files().execute("/bin");
  EXPECT_EQ(decide(with_programs, call_of(SYS_clone, {process})), kAllowed);
  EXPECT_EQ(decide(with_programs, call_of(SYS_clone, {process | 0x8000})), refused(EPERM));  // CLONE_PARENT
  EXPECT_EQ(decide(with_programs, call_of(SYS_clone, {process | 0x20000000})), refused(EPERM));
}

TEST(SandboxFilter, ComputeMakesNoProcessesAndOpensNothing) {
  const Sandbox compute = Sandbox::compute();
  for (const int number : {SYS_openat, SYS_execve, SYS_execveat, SYS_statx, SYS_unlinkat, SYS_socket, SYS_bpf}) {
    EXPECT_NE(decide(compute, call_of(number)), kAllowed) << name_of_call(number);
  }
#ifdef __x86_64__
  for (const int number : {SYS_fork, SYS_vfork}) {
    EXPECT_EQ(decide(compute, call_of(number)), refused(EPERM)) << name_of_call(number);
    EXPECT_EQ(decide(compute.strict(), call_of(number)), kTrapped) << name_of_call(number);
    EXPECT_EQ(decide(Sandbox::client(), call_of(number)), refused(EPERM)) << name_of_call(number);
    EXPECT_EQ(decide(Sandbox::files().execute("/bin"), call_of(number)), kAllowed) << name_of_call(number);
  }
  for (const int number : {SYS_open, SYS_creat, SYS_stat}) {
    EXPECT_EQ(decide(compute, call_of(number)), refused(EACCES)) << name_of_call(number);
  }
#endif
}

// Landlock refuses it from its version 3 on only.
TEST(SandboxFilter, AnOpenForReadingDoesNotTruncate) {
  for (const Sandbox& box : {Sandbox::files(), Sandbox::client(), Sandbox::files().system()}) {
    const auto open_at = [&](std::uint64_t flags) { return decide(box, call_of(SYS_openat, {0, 0, flags})); };
    EXPECT_EQ(open_at(O_RDONLY | O_CLOEXEC), kAllowed);
    EXPECT_EQ(open_at(O_RDONLY | O_TRUNC), refused(EACCES));
    EXPECT_EQ(open_at(O_WRONLY | O_TRUNC), kAllowed);
    EXPECT_EQ(open_at(O_RDWR | O_TRUNC), kAllowed);
    EXPECT_EQ(open_at(O_ACCMODE | O_TRUNC), refused(EACCES));
#ifdef __x86_64__
    EXPECT_EQ(decide(box, call_of(SYS_open, {0, O_RDONLY | O_TRUNC})), refused(EACCES));
    EXPECT_EQ(decide(box, call_of(SYS_open, {0, O_WRONLY | O_TRUNC})), kAllowed);
#endif
  }
}

// The lifeline ends a busy worker by a timer, and stops it again.
TEST(SandboxFilter, TheLifelineHasItsTimer) {
  for (const Sandbox& box : {Sandbox::guard(), Sandbox::compute().strict(), Sandbox::files(), Sandbox::client()}) {
    for (const int number : {SYS_timer_create, SYS_timer_settime, SYS_timer_delete}) {
      EXPECT_EQ(decide(box, call_of(number)), kAllowed) << name_of_call(number);
    }
  }
}

TEST(SandboxFilter, SocketsAreTcpOrNone) {
  const std::uint64_t flags = 0x80800;
  for (const std::uint64_t family : {2U, 10U}) {
    EXPECT_EQ(decide(Sandbox::client(), call_of(SYS_socket, {family, 1 | flags, 6})), kAllowed);
    EXPECT_EQ(decide(Sandbox::client(), call_of(SYS_socket, {family, 1, 0})), kAllowed);
    EXPECT_EQ(decide(Sandbox::client(), call_of(SYS_socket, {family, 2, 0})), refused(EACCES));
    EXPECT_EQ(decide(Sandbox::client(), call_of(SYS_socket, {family, 1, 262})), refused(EACCES));  // MPTCP
    EXPECT_EQ(decide(Sandbox::files(), call_of(SYS_socket, {family, 1, 0})), refused(EACCES));
  }
  for (const std::uint64_t family : {1U, 16U, 17U, 40U}) {
    EXPECT_EQ(decide(Sandbox::client(), call_of(SYS_socket, {family, 1, 0})), refused(EACCES)) << family;
  }
  EXPECT_EQ(decide(Sandbox::client(), call_of(SYS_sendmsg, {3, 0, 0x20000000})), refused(EACCES));  // MSG_FASTOPEN
  EXPECT_EQ(decide(Sandbox::client(), call_of(SYS_sendto, {3, 0, 0, 0, 0x7000'0000'0000})), refused(EACCES));
  EXPECT_EQ(decide(Sandbox::client(), call_of(SYS_sendto, {3, 0, 0, 0, 0})), kAllowed);
}

TEST(SandboxFilter, AnotherArchitectureIsKilled) {
  seccomp_data foreign = call_of(SYS_read);
  foreign.arch = 0x40000003;  // i386
  for (const Sandbox& any : {Sandbox::compute(), Sandbox::guard(), Sandbox::compute().allow("read")}) {
    EXPECT_EQ(decide(any, foreign), kKilled);
    EXPECT_EQ(decide(any, call_of(SYS_read)), kAllowed);
  }
}

TEST(SandboxCalls, RowsOfACallAreTogetherHaveOneRefusalAndAReason) {
  std::set<int> ended;
  const Call* before = nullptr;
  for (const Call& row : calls()) {
    const bool goes_on = before != nullptr && before->number == row.number;
    EXPECT_TRUE(goes_on || ended.insert(row.number).second) << row.name << " stands in two places";
    if (goes_on) {
      EXPECT_EQ(row.refusal, before->refusal) << row.name;
      EXPECT_EQ(row.is_guarded, before->is_guarded) << row.name;
    }
    EXPECT_GE(std::string(row.reason).size(), 3U) << row.name;
    for (const Condition& each : row.conditions) {
      EXPECT_LT(each.argument, 6) << row.name;
      EXPECT_EQ(each.value & ~each.mask, 0U) << row.name << ": no value could fit";
    }
    EXPECT_EQ(number_of_call(row.name), row.number);
    EXPECT_EQ(name_of_call(row.number), row.name);
    before = &row;
  }
  EXPECT_EQ(name_of_call(4711), "system call 4711");
  EXPECT_EQ(number_of_call("no_such_call"), std::nullopt);
}

}  // namespace
