// The rows of calls that stay within the process: memory, threads, time, descriptors that are open, itself.
#include "sandbox/call_rows.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace coproc::inline v0::sandbox {

namespace {

using enum Need;
using enum Refusal;

constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET | 0x80;  // CLONE_NEWTIME
// A child of the host, or one that the host's tracer would get.
constexpr std::uint64_t kNotOwnChild = CLONE_PARENT | CLONE_PTRACE | CLONE_UNTRACED;
constexpr std::uint64_t kSetVma = 0x53564d41;  // PR_SET_VMA
constexpr int kTidAddress = 40;                // PR_GET_TID_ADDRESS
constexpr int kIoPriorityOfProcess = 1;        // IOPRIO_WHO_PROCESS

#define CALL(name) SYS_##name, #name

constexpr Call kInside[] = {
    // Messages: what a worker does most is looked up first.
    {CALL(futex), nothing, "locks, and threads that wait for each other"},
    {CALL(ppoll), nothing, "waits for messages"},
    {CALL(read), nothing, "empties the pipe that wakes it; files that are open"},
    {CALL(pwritev2), nothing, "wakes its host without SIGPIPE"},
    {CALL(write), nothing, "wakes its host; what it prints"},
    {CALL(fstat), nothing, "whether a descriptor still is the library's own"},
    {CALL(madvise), nothing, "gives memory back"},
    {CALL(mmap), nothing, "memory; loans"},
    {CALL(munmap), nothing, "memory; loans"},
    {CALL(mprotect), nothing, "memory; opens loans for access"},
    {CALL(mremap), nothing, "memory; maps loans"},
    {CALL(brk), nothing, "memory"},
    {CALL(clock_gettime), nothing, "deadlines, where the vDSO cannot tell the time"},
    {CALL(sched_yield), nothing, "spins"},
    {CALL(getcpu), nothing, "where it runs"},
    // Descriptors that are open.
    {CALL(readv), nothing, "descriptors that are open"},
    {CALL(writev), nothing, "descriptors that are open"},
    {CALL(pread64), nothing, "copies of loans; descriptors that are open"},
    {CALL(pwrite64), nothing, "returns loans; descriptors that are open"},
    {CALL(preadv), nothing, "descriptors that are open"},
    {CALL(pwritev), nothing, "descriptors that are open"},
    {CALL(preadv2), nothing, "descriptors that are open"},
    {CALL(lseek), nothing, "descriptors that are open"},
    {CALL(close), nothing, "descriptors that are open"},
    {CALL(close_range), nothing, "descriptors that are open"},
    {CALL(dup), nothing, "copies descriptors"},
    {CALL(dup3), nothing, "copies descriptors"},
    {CALL(fsync), nothing, "files that are open"},
    {CALL(fdatasync), nothing, "files that are open"},
    {CALL(ftruncate), nothing, "memory of pairs of messengers; files that are open for writing"},
    {CALL(fallocate), nothing, "gives the memory of loans back"},
    {CALL(fadvise64), nothing, "files that are open"},
    {CALL(flock), nothing, "files that are open"},
    {CALL(sendfile), nothing, "copies between descriptors that are open"},
    {CALL(fstatfs), nothing, "whether memory that it was given cannot shrink"},
    {CALL(pipe2), nothing, "pairs of messengers"},
    {CALL(memfd_create), nothing, "pairs of messengers"},
    {CALL(eventfd2), nothing, "threads that wait for each other; interrupt()"},
    {CALL(epoll_create1), nothing, "event loops"},
    {CALL(epoll_ctl), nothing, "event loops"},
    {CALL(epoll_pwait), nothing, "event loops"},
    {CALL(epoll_pwait2), nothing, "event loops"},
    {CALL(pselect6), nothing, "waits where ppoll cannot be had"},
    {CALL(timerfd_create), nothing, "event loops"},
    {CALL(timerfd_settime), nothing, "event loops"},
    {CALL(timerfd_gettime), nothing, "event loops"},
    {CALL(signalfd4), nothing, "event loops"},
    // Everything but F_SETOWN, F_SETOWN_EX and F_SETSIG, by which a pipe sends any signal to any process of the user,
    // F_NOTIFY and leases, which send signals, too. O_ASYNC makes a terminal signal its whole foreground group.
    {CALL(fcntl), nothing, "copies descriptors", no_access, {is(1, F_DUPFD)}},
    {CALL(fcntl), nothing, "copies descriptors", no_access, {is(1, F_DUPFD_CLOEXEC)}},
    {CALL(fcntl), nothing, "whether it is open; closed at exec", no_access, {is(1, F_GETFD)}},
    {CALL(fcntl), nothing, "closed at exec", no_access, {is(1, F_SETFD)}},
    {CALL(fcntl), nothing, "blocking or not", no_access, {is(1, F_GETFL)}},
    {CALL(fcntl), nothing, "blocking or not", no_access, {is(1, F_SETFL), is(2, 0, O_ASYNC)}},
    {CALL(fcntl), nothing, "locks of files", no_access, {is(1, F_GETLK)}},
    {CALL(fcntl), nothing, "locks of files", no_access, {is(1, F_SETLK)}},
    {CALL(fcntl), nothing, "locks of files", no_access, {is(1, F_SETLKW)}},
    {CALL(fcntl), nothing, "pipes for output", no_access, {is(1, F_SETPIPE_SZ)}},
    {CALL(fcntl), nothing, "pipes for output", no_access, {is(1, F_GETPIPE_SZ)}},
    {CALL(fcntl), nothing, "memory that cannot shrink", no_access, {is(1, F_ADD_SEALS)}},
    {CALL(fcntl), nothing, "memory that cannot shrink", no_access, {is(1, F_GET_SEALS)}},
    {CALL(ioctl), nothing, "how much there is to read", is_no_terminal, {is(1, FIONREAD)}},
    {CALL(ioctl), nothing, "blocking or not", is_no_terminal, {is(1, FIONBIO)}},
    {CALL(ioctl), nothing, "closed at exec", is_no_terminal, {is(1, FIOCLEX)}},
    {CALL(ioctl), nothing, "open after exec", is_no_terminal, {is(1, FIONCLEX)}},
    // Sockets that were open before: the host gave them. An address would make one that is not connected reach others.
    {CALL(sendto), nothing, "the start's report; sockets that are open", no_access, {is(4, 0, kPointer)}},
    {CALL(recvfrom), nothing, "the start's report; sockets that are open"},
    {CALL(shutdown), nothing, "sockets that are open"},
    {CALL(getsockopt), nothing, "sockets that are open"},
    {CALL(getsockname), nothing, "sockets that are open"},
    {CALL(getpeername), nothing, "sockets that are open"},
    // Memory and threads.
    {CALL(msync), nothing, "memory"},
    {CALL(mincore), nothing, "memory"},
    {CALL(mlock), nothing, "memory, within its limit"},
    {CALL(mlock2), nothing, "memory, within its limit"},
    {CALL(munlock), nothing, "memory"},
    {CALL(membarrier), nothing, "threads"},
    {CALL(rseq), nothing, "threads of the C library"},
    {CALL(set_robust_list), nothing, "threads of the C library"},
    {CALL(get_robust_list), nothing, "locks that outlive a thread", not_permitted, {is(0, 0)}},
    {CALL(set_tid_address), nothing, "threads of the C library"},
    {CALL(clone),
     nothing,
     "a thread",
     not_permitted,
     {is(0, CLONE_THREAD, CLONE_THREAD | kNewNamespaces | kNotOwnChild)}},
    {CALL(clone), programs, "a process of its own", not_permitted, {is(0, 0, kNewNamespaces | kNotOwnChild)}},
    {CALL(clone3), never, "its flags are out of a filter's sight. The C library then calls clone", is_unknown_ever},
    {CALL(exit), nothing, "the end of a thread"},
    {CALL(exit_group), nothing, "the end"},
    {CALL(restart_syscall), nothing, "goes on after a stop"},
    {CALL(sched_getaffinity), nothing, "how many processors there are"},
    {CALL(sched_getparam), nothing, "reads priorities"},
    {CALL(sched_getscheduler), nothing, "reads priorities"},
    {CALL(sched_get_priority_max), nothing, "reads priorities"},
    {CALL(sched_get_priority_min), nothing, "reads priorities"},
    {CALL(getpriority), nothing, "reads priorities"},
    // Time.
    {CALL(clock_getres), nothing, "the time"},
    {CALL(gettimeofday), nothing, "the time"},
    {CALL(times), nothing, "the time"},
    {CALL(nanosleep), nothing, "sleeps; the crash report waits"},
    {CALL(clock_nanosleep), nothing, "sleeps"},
    {CALL(timer_create), nothing, "timers, which signal this process alone; the lifeline's grace"},
    {CALL(timer_settime), nothing, "timers; the lifeline's grace"},
    {CALL(timer_gettime), nothing, "timers"},
    {CALL(timer_getoverrun), nothing, "timers"},
    {CALL(timer_delete), nothing, "timers; the lifeline's grace"},
    {CALL(setitimer), nothing, "timers; the crash report's alarm where there is no alarm()"},
    {CALL(getitimer), nothing, "timers"},
    // Signals of its own.
    {CALL(rt_sigaction), nothing, "handlers"},
    {CALL(rt_sigprocmask), nothing, "the mask"},
    {CALL(rt_sigreturn), nothing, "handlers"},
    {CALL(rt_sigpending), nothing, "wakes its host without SIGPIPE, on older kernels"},
    {CALL(rt_sigtimedwait), nothing, "wakes its host without SIGPIPE, on older kernels"},
    {CALL(rt_sigsuspend), nothing, "waits for signals"},
    {CALL(sigaltstack), nothing, "the stack of crash reports"},
    {CALL(kill), nothing, "raises a signal of its own", not_permitted, {is_own(0)}},
    {CALL(kill), programs, "ends its children. Landlock keeps signals from all others"},
    {CALL(tgkill), nothing, "raise(), abort(), crash reports", not_permitted, {is_own(0)}},
    {CALL(tgkill), programs, "raise() of its children. Landlock keeps signals from all others"},
    {CALL(rt_sigqueueinfo), nothing, "signals of its own with a value", not_permitted, {is_own(0)}},
    {CALL(rt_tgsigqueueinfo), nothing, "ends after a crash report", not_permitted, {is_own(0)}},
    {CALL(tkill), never, "names a thread, and not the process that it belongs to"},
    {CALL(pidfd_send_signal), never, "signals whom the descriptor stands for"},
    {CALL(pidfd_open), nothing, "whether it can be called", not_permitted, {is_own(0)}},
    // Itself.
    {CALL(getpid), nothing, "itself"},
    {CALL(gettid), nothing, "itself"},
    {CALL(getppid), nothing, "whether a signal is of its host"},
    {CALL(getpgid), nothing, "itself"},
    {CALL(getsid), nothing, "itself"},
    {CALL(getuid), nothing, "itself"},
    {CALL(geteuid), nothing, "itself"},
    {CALL(getgid), nothing, "itself"},
    {CALL(getegid), nothing, "itself"},
    {CALL(getresuid), nothing, "itself"},
    {CALL(getresgid), nothing, "itself"},
    {CALL(getgroups), nothing, "itself"},
    {CALL(capget), nothing, "reads rights"},
    {CALL(getrandom), nothing, "random numbers"},
    {CALL(getrusage), nothing, "what it has used"},
    {CALL(sysinfo), nothing, "the memory of the machine"},
    {CALL(uname), nothing, "the name of the system"},
    {CALL(umask), nothing, "rights of its new files"},
    {CALL(wait4), nothing, "its children"},
    {CALL(waitid), nothing, "its children"},
    {CALL(personality), nothing, "asks only", not_permitted, {is(0, 0xFFFFFFFF)}},
    {CALL(prctl), nothing, "names of threads", not_permitted, {is(0, PR_SET_NAME)}},
    {CALL(prctl), nothing, "names of threads", not_permitted, {is(0, PR_GET_NAME)}},
    {CALL(prctl), nothing, "names of memory", not_permitted, {is(0, kSetVma)}},
    {CALL(prctl), nothing, "where a thread's number is", not_permitted, {is(0, kTidAddress)}},
    {CALL(prctl), nothing, "a box within the box", not_permitted, {is(0, PR_SET_NO_NEW_PRIVS)}},
    {CALL(prctl), nothing, "a box within the box", not_permitted, {is(0, PR_GET_NO_NEW_PRIVS)}},
    {CALL(prctl), nothing, "a signal at its parent's end", not_permitted, {is(0, PR_SET_PDEATHSIG)}},
    {CALL(prctl), nothing, "whether it adopts orphans", not_permitted, {is(0, PR_GET_CHILD_SUBREAPER)}},
    {CALL(seccomp), nothing, "a box within the box", not_permitted, {is(0, 1), is(1, 0)}},
    {CALL(landlock_create_ruleset), nothing, "a box within the box"},
    {CALL(landlock_add_rule), nothing, "a box within the box"},
    {CALL(landlock_restrict_self), nothing, "a box within the box"},
    // What would change other processes of the user: only itself.
    {CALL(prlimit64), nothing, "its own limits. That of another one's time kills it", not_permitted, {is(0, 0)}, true},
    {CALL(prlimit64), nothing, "its own limits", not_permitted, {is_own(0)}, true},
    {CALL(sched_setaffinity), nothing, "its own processors", not_permitted, {is(0, 0)}, true},
    {CALL(sched_setaffinity), nothing, "its own processors", not_permitted, {is_own(0)}, true},
    {CALL(sched_setscheduler), nothing, "its own priority", not_permitted, {is(0, 0)}, true},
    {CALL(sched_setparam), nothing, "its own priority", not_permitted, {is(0, 0)}, true},
    {CALL(sched_setattr), nothing, "its own priority", not_permitted, {is(0, 0)}, true},
    {CALL(setpriority), nothing, "its own priority", not_permitted, {is(0, PRIO_PROCESS), is(1, 0)}, true},
    {CALL(setpriority), nothing, "its own priority", not_permitted, {is(0, PRIO_PROCESS), is_own(1)}, true},
    {CALL(ioprio_set), nothing, "its own priority", not_permitted, {is(0, kIoPriorityOfProcess), is(1, 0)}, true},
    {CALL(getrlimit), nothing, "its own limits"},
    {CALL(setrlimit), nothing, "its own limits"},
#ifdef __x86_64__
    // The older calls of this processor.
    {CALL(poll), nothing, "waits"},
    {CALL(select), nothing, "waits"},
    {CALL(epoll_wait), nothing, "event loops"},
    {CALL(epoll_create), nothing, "event loops"},
    {CALL(eventfd), nothing, "threads that wait for each other"},
    {CALL(pipe), nothing, "pipes"},
    {CALL(dup2), nothing, "copies descriptors"},
    {CALL(pause), nothing, "waits for signals"},
    {CALL(alarm), nothing, "the crash report's alarm"},
    {CALL(time), nothing, "the time"},
    {CALL(getpgrp), nothing, "itself"},
    {CALL(arch_prctl), nothing, "threads of the C library"},
#endif
};

#undef CALL

}  // namespace

std::span<const Call> calls_inside() noexcept { return kInside; }

}  // namespace coproc::inline v0::sandbox
