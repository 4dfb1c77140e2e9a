// The rows of calls that reach out of the process: files by their names, the network, others, the system.
#include "sandbox/call_rows.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace coproc::inline v0::sandbox {

namespace {

using enum Need;
using enum Refusal;

constexpr std::uint64_t kSocketFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr std::uint64_t kFastOpen = MSG_FASTOPEN;  // connects past connect()

#define CALL(name) SYS_##name, #name

constexpr Call kOutward[] = {
    // Files by their names, each of which Landlock looks at. An open for reading that truncates would pass it by before
    // its version 3.
    {CALL(openat), files, "opens without truncating", no_access, {is(2, 0, O_TRUNC)}},
    {CALL(openat), files, "opens for writing", no_access, {is(2, O_WRONLY, O_ACCMODE)}},
    {CALL(openat), files, "opens for reading and writing", no_access, {is(2, O_RDWR, O_ACCMODE)}},
    {CALL(newfstatat), files, "looks at files", no_access_ever},
    {CALL(statx), files, "looks at files", no_access},
    {CALL(statfs), files, "looks at files", no_access},
    {CALL(faccessat), files, "looks at files", no_access},
    {CALL(faccessat2), files, "looks at files", no_access},
    {CALL(readlinkat), files, "looks at files", no_access},
    {CALL(getdents64), files, "lists directories", no_access},
    {CALL(getcwd), files, "its directory", no_access},
    {CALL(chdir), files, "its directory", no_access},
    {CALL(fchdir), files, "its directory", no_access},
    {CALL(mkdirat), files, "makes directories", no_access},
    {CALL(unlinkat), files, "removes", no_access},
    {CALL(renameat2), files, "moves", no_access},
    {CALL(linkat), files, "links", no_access},
    {CALL(symlinkat), files, "links", no_access},
    {CALL(openat2), never, "its flags are out of a filter's sight", is_unknown},
    {CALL(truncate), never, "Landlock looks at it from version 3 on only", no_access},
    {CALL(execve), programs, "executes programs", no_access},
    {CALL(execveat), never, "executes what has no name", no_access},
    {CALL(setpgid), programs, "groups of its children"},
    {CALL(setsid), programs, "groups of its children"},
    {CALL(fchmod), never, "Landlock does not look at it"},
    {CALL(fchmodat), never, "Landlock does not look at it"},
    {CALL(fchown), never, "Landlock does not look at it"},
    {CALL(fchownat), never, "Landlock does not look at it"},
    {CALL(utimensat), never, "Landlock does not look at it"},
    {CALL(setxattr), never, "Landlock does not look at it"},
    {CALL(lsetxattr), never, "Landlock does not look at it"},
    {CALL(fsetxattr), never, "Landlock does not look at it"},
    {CALL(removexattr), never, "Landlock does not look at it"},
    {CALL(mknodat), never, "devices"},
    {CALL(inotify_init1), never, "watches what others do", no_access},
    {CALL(inotify_add_watch), never, "watches what others do", no_access},
    // The network: TCP to ports that Landlock allows.
    {CALL(socket),
     network,
     "TCP by IPv4 or IPv6",
     no_access,
     {is(0, AF_INET, kInt ^ (AF_INET ^ AF_INET6)), is(1, SOCK_STREAM, kInt ^ kSocketFlags), is(2, 0, kInt ^ 6)}},
    {CALL(connect), network, "to ports that Landlock allows", no_access},
    {CALL(setsockopt), network, "sockets", no_access},
    {CALL(sendmsg), network, "sockets that are connected", no_access, {is(2, 0, kFastOpen)}},
    {CALL(recvmsg), network, "sockets", no_access},
    {CALL(socketpair), never, "the kernel's largest kind of sockets, and nothing here needs it", no_access},
    {CALL(bind), never, "offers services", no_access},
    {CALL(listen), never, "offers services", no_access},
    {CALL(accept), never, "offers services", no_access},
    {CALL(accept4), never, "offers services", no_access},
    {CALL(sendmmsg), never, "can connect past connect()", no_access},
    {CALL(recvmmsg), never, "nothing here needs it", no_access},
    // Memory, messages and locks that all processes of the user share.
    {CALL(shmget), never, "reaches other processes", no_access},
    {CALL(shmat), never, "reaches other processes", no_access},
    {CALL(shmctl), never, "reaches other processes", no_access},
    {CALL(msgget), never, "reaches other processes", no_access},
    {CALL(semget), never, "reaches other processes", no_access},
    {CALL(mq_open), never, "reaches other processes", no_access},
    {CALL(migrate_pages), never, "reaches other processes"},
    {CALL(move_pages), never, "reaches other processes"},
    // Rights.
    {CALL(setuid), never, "another user"},
    {CALL(setgid), never, "another user"},
    {CALL(setreuid), never, "another user"},
    {CALL(setregid), never, "another user"},
    {CALL(setresuid), never, "another user"},
    {CALL(setresgid), never, "another user"},
    {CALL(setgroups), never, "another user"},
    {CALL(setfsuid), never, "another user"},
    {CALL(setfsgid), never, "another user"},
    {CALL(capset), never, "rights"},
    // What nobody calls by chance.
    {CALL(process_vm_readv), nothing, "crash reports read their own stack", ends, {is_own(0)}},
    {CALL(process_vm_writev), never, "writes into other processes", ends},
    {CALL(ptrace), never, "controls other processes", ends},
    {CALL(pidfd_getfd), never, "takes descriptors of other processes", ends},
    {CALL(kcmp), never, "looks into other processes", ends},
    {CALL(process_madvise), never, "changes other processes", ends},
    {CALL(bpf), never, "programs in the kernel", ends},
    {CALL(perf_event_open), never, "watches other processes and the kernel", ends},
    {CALL(userfaultfd), never, "holds the kernel up", ends},
    {CALL(io_uring_setup), never, "calls that no filter sees", ends},
    {CALL(io_uring_enter), never, "calls that no filter sees", ends},
    {CALL(io_uring_register), never, "calls that no filter sees", ends},
    {CALL(add_key), never, "keys of the user", ends},
    {CALL(request_key), never, "keys of the user", ends},
    {CALL(keyctl), never, "keys of the user", ends},
    {CALL(unshare), nothing, "whether it has threads, for a box within the box", ends, {is(0, CLONE_THREAD, kPointer)}},
    {CALL(setns), never, "namespaces", ends},
    {CALL(chroot), never, "another root", ends},
    {CALL(pivot_root), never, "another root", ends},
    {CALL(mount), never, "mounts", ends},
    {CALL(umount2), never, "mounts", ends},
    {CALL(open_tree), never, "mounts", ends},
    {CALL(move_mount), never, "mounts", ends},
    {CALL(fsopen), never, "mounts", ends},
    {CALL(fsconfig), never, "mounts", ends},
    {CALL(fsmount), never, "mounts", ends},
    {CALL(fspick), never, "mounts", ends},
    {CALL(mount_setattr), never, "mounts", ends},
    {CALL(open_by_handle_at), never, "files without their names", ends},
    {CALL(name_to_handle_at), never, "files without their names", ends},
    {CALL(fanotify_init), never, "watches what others do", ends},
    {CALL(init_module), never, "the kernel itself", ends},
    {CALL(finit_module), never, "the kernel itself", ends},
    {CALL(delete_module), never, "the kernel itself", ends},
    {CALL(kexec_load), never, "the kernel itself", ends},
    {CALL(reboot), never, "the machine", ends},
    {CALL(swapon), never, "the machine", ends},
    {CALL(swapoff), never, "the machine", ends},
    {CALL(sethostname), never, "the machine", ends},
    {CALL(setdomainname), never, "the machine", ends},
    {CALL(settimeofday), never, "the machine's clock", ends},
    {CALL(clock_settime), never, "the machine's clock", ends},
    {CALL(adjtimex), never, "the machine's clock", ends},
    {CALL(clock_adjtime), never, "the machine's clock", ends},
    {CALL(acct), never, "the machine", ends},
    {CALL(quotactl), never, "the machine", ends},
    {CALL(vhangup), never, "hangs up the terminal, which ends the host", ends},
    {CALL(syslog), never, "the kernel's messages", ends},
#ifdef __x86_64__
    // The older calls of this processor.
    {CALL(open), files, "opens without truncating", no_access, {is(1, 0, O_TRUNC)}},
    {CALL(open), files, "opens for writing", no_access, {is(1, O_WRONLY, O_ACCMODE)}},
    {CALL(open), files, "opens for reading and writing", no_access, {is(1, O_RDWR, O_ACCMODE)}},
    {CALL(creat), files, "opens for writing", no_access},
    {CALL(stat), files, "looks at files", no_access},
    {CALL(lstat), files, "looks at files", no_access},
    {CALL(access), files, "looks at files", no_access},
    {CALL(readlink), files, "looks at files", no_access},
    {CALL(getdents), files, "lists directories", no_access},
    {CALL(mkdir), files, "makes directories", no_access},
    {CALL(rmdir), files, "removes", no_access},
    {CALL(unlink), files, "removes", no_access},
    {CALL(rename), files, "moves", no_access},
    {CALL(renameat), files, "moves", no_access},
    {CALL(link), files, "links", no_access},
    {CALL(symlink), files, "links", no_access},
    {CALL(fork), programs, "a process of its own"},
    {CALL(vfork), programs, "a process of its own"},
    {CALL(chmod), never, "Landlock does not look at it"},
    {CALL(chown), never, "Landlock does not look at it"},
    {CALL(lchown), never, "Landlock does not look at it"},
    {CALL(utime), never, "Landlock does not look at it"},
    {CALL(utimes), never, "Landlock does not look at it"},
    {CALL(futimesat), never, "Landlock does not look at it"},
    {CALL(mknod), never, "devices"},
    {CALL(inotify_init), never, "watches what others do", no_access},
    {CALL(iopl), never, "the machine", ends},
    {CALL(ioperm), never, "the machine", ends},
    {CALL(modify_ldt), never, "an old way into the kernel", ends},
#endif
};

#undef CALL

}  // namespace

std::span<const Call> calls_outward() noexcept { return kOutward; }

}  // namespace coproc::inline v0::sandbox
