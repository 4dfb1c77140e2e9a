#include "boxed/attempts.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <utility>

namespace boxed {

namespace {

std::uint64_t secret = 42;  // at the same place in a host that has forked this worker

long call(long number, auto... arguments) { return ::syscall(number, arguments...); }

long signal_by_pidfd(pid_t host) {
  const long fd = call(SYS_pidfd_open, host, 0);
  return fd < 0 ? fd : call(SYS_pidfd_send_signal, fd, 0, nullptr, 0);
}

/// Makes the kernel signal the host when a pipe of this process changes.
long signal_by_pipe(pid_t host) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
  long result = ::fcntl(ends[0], F_SETOWN, host);
  const f_owner_ex owner{F_OWNER_PID, host};
  if (result != 0) result = ::fcntl(ends[0], F_SETOWN_EX, &owner);
  if (result != 0 && ::fcntl(ends[0], F_SETSIG, SIGWINCH) == 0) result = 0;
  const int saved = errno;
  ::close(ends[0]);
  ::close(ends[1]);
  errno = saved;
  return result;
}

/// A terminal would then signal all of its foreground group.
long signal_by_terminal() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
  const long result = ::fcntl(ends[0], F_SETFL, O_ASYNC);
  const int saved = errno;
  ::close(ends[0]);
  ::close(ends[1]);
  errno = saved;
  return result;
}

long set_limit_of(pid_t host) {
  const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  return call(SYS_prlimit64, host, RLIMIT_CPU, &limit, nullptr);
}

long read_limit_of(pid_t host) {
  rlimit limit{};
  return call(SYS_prlimit64, host, RLIMIT_CPU, nullptr, &limit);
}

long set_affinity_of(pid_t host) {
  cpu_set_t all;
  ::sched_getaffinity(0, sizeof all, &all);
  return ::sched_setaffinity(host, sizeof all, &all);
}

long read_memory_of(pid_t host) {
  std::uint64_t word = 0;
  const iovec here{&word, sizeof word}, there{&secret, sizeof secret};
  return ::process_vm_readv(host, &here, 1, &there, 1, 0);
}

long write_memory_of(pid_t host) {
  std::uint64_t word = 42;
  const iovec here{&word, sizeof word}, there{&secret, sizeof secret};
  return ::process_vm_writev(host, &here, 1, &there, 1, 0);
}

long open_and_close(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  return fd;
}

long list(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  char entries[4096];
  const long got = fd < 0 ? fd : call(SYS_getdents64, fd, entries, sizeof entries);
  if (fd >= 0) ::close(fd);
  return got;
}

long make_child() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return child;
}

__attribute__((noinline)) long make_child_by_vfork() {
  const pid_t child = ::vfork();
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return child;
}

long execute(const std::string& program) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(program.c_str(), program.c_str(), nullptr);
    ::_exit(errno == EACCES ? 126 : 127);
  }
  int status = 0;
  if (child > 0) ::waitpid(child, &status, 0);
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 126) errno = EACCES;
  return child < 0 || status != 0 ? -1 : 0;
}

long make_socket(int family, int type) {
  const int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
  if (fd >= 0) ::close(fd);
  return fd;
}

long make_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  ::close(ends[0]);
  ::close(ends[1]);
  return 0;
}

/// Connects to, or listens at, a port of this machine.
long use_port(const std::string& port, bool listens) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
  const int result = listens ? ::bind(fd, raw, sizeof address) : ::connect(fd, raw, sizeof address);
  const int saved = errno;
  ::close(fd);
  errno = saved;
  return result;
}

using About = const std::string&;
pid_t pid_in(About about) { return std::stoi(about); }

const std::map<std::string, long (*)(About)> kAttempts{
    {"kill", [](About host) -> long { return ::kill(pid_in(host), 0); }},
    {"tgkill", [](About host) { return call(SYS_tgkill, pid_in(host), pid_in(host), SIGWINCH); }},
    {"sigqueue", [](About host) -> long { return ::sigqueue(pid_in(host), SIGWINCH, sigval{}); }},
    {"kill_group", [](About) -> long { return ::kill(0, 0); }},
    {"pidfd_signal", [](About host) { return signal_by_pidfd(pid_in(host)); }},
    {"owned_pipe", [](About host) { return signal_by_pipe(pid_in(host)); }},
    {"async", [](About) { return signal_by_terminal(); }},
    {"prlimit", [](About host) { return set_limit_of(pid_in(host)); }},
    {"read_limits", [](About host) { return read_limit_of(pid_in(host)); }},
    {"affinity", [](About host) { return set_affinity_of(pid_in(host)); }},
    {"priority", [](About host) -> long { return ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid_in(host)), 0); }},
    {"own_priority", [](About nice) -> long { return ::setpriority(PRIO_PROCESS, 0, std::stoi(nice)); }},
    {"real_time",
     [](About) -> long {
       const sched_param first{.sched_priority = 1};
       return ::sched_setscheduler(0, SCHED_FIFO, &first);
     }},
    {"io_priority", [](About host) { return call(SYS_ioprio_set, 1, pid_in(host), 2 << 13 | 4); }},
    {"scheduler",
     [](About host) -> long {
       const sched_param usual{};
       return ::sched_setscheduler(pid_in(host), SCHED_OTHER, &usual);
     }},
    {"vm_read", [](About host) { return read_memory_of(pid_in(host)); }},
    {"vm_write", [](About host) { return write_memory_of(pid_in(host)); }},
    {"ptrace", [](About host) -> long { return ::ptrace(PTRACE_SEIZE, pid_in(host), 0, 0); }},
    {"child_of_host",
     [](About) {
       const long child = call(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
       if (child == 0) ::_exit(0);
       return child;
     }},
    {"session_keys", [](About) { return call(SYS_keyctl, 18, 0, 0, 0, 0); }},  // KEYCTL_SESSION_TO_PARENT
    {"type", [](About) -> long { return ::ioctl(STDIN_FILENO, TIOCSTI, "x"); }},
    {"pidfd_getfd", [](About) { return call(SYS_pidfd_getfd, 0, 0, 0); }},
    {"proc_mem", [](About host) { return open_and_close("/proc/" + host + "/mem", O_RDWR); }},
    {"open", [](About path) { return open_and_close(path, O_RDONLY); }},
    {"create", [](About path) { return open_and_close(path, O_RDWR | O_CREAT); }},
    {"truncate_for_reading", [](About path) { return open_and_close(path, O_RDONLY | O_TRUNC); }},
    {"remove", [](About path) -> long { return ::unlink(path.c_str()); }},
    {"chmod", [](About path) -> long { return ::chmod(path.c_str(), 0600); }},
    {"stat",
     [](About path) -> long {
       struct stat status {};
       return ::stat(path.c_str(), &status);
     }},
    {"list", [](About path) { return list(path); }},
    {"fork", [](About) { return make_child(); }},
    {"vfork", [](About) { return make_child_by_vfork(); }},
    {"execute", [](About program) { return execute(program); }},
    {"tcp", [](About) { return make_socket(AF_INET, SOCK_STREAM); }},
    {"udp", [](About) { return make_socket(AF_INET, SOCK_DGRAM); }},
    {"unix", [](About) { return make_socket(AF_UNIX, SOCK_STREAM); }},
    {"socketpair", [](About) { return make_pair(); }},
    {"connect", [](About port) { return use_port(port, false); }},
    {"listen", [](About port) { return use_port(port, true); }},
    {"mount", [](About) { return call(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr); }},
    {"unshare", [](About) { return call(SYS_unshare, CLONE_NEWUSER); }},
    {"bpf", [](About) { return call(SYS_bpf, 0, nullptr, 0); }},
    {"io_uring", [](About) { return call(SYS_io_uring_setup, 1, nullptr); }},
    {"keyctl", [](About) { return call(SYS_keyctl, 0, 0, 0, 0, 0); }},
    {"userfaultfd", [](About) { return call(SYS_userfaultfd, 0); }},
    {"perf", [](About) { return call(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
    {"x32", [](About) { return call(0x40000000L | SYS_getpid); }},
    {"unknown", [](About) { return call(999); }},
};

}  // namespace

std::string name_of_error(int error_number) { return ::strerrorname_np(error_number); }

std::string attempt(const std::string& what, const std::string& about) {
  const auto found = kAttempts.find(what);
  if (found == kAttempts.end()) return "there is no attempt " + what;
  errno = 0;
  return found->second(about) < 0 ? name_of_error(errno) : "works";
}

}  // namespace boxed
