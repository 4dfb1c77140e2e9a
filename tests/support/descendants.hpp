// Helpers for tests of a worker's end: a pipe by which a worker sends pids to the test, and a way to see how orphans
// end.
//
// Thread safety: none.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace support {

/// While it lives, orphaned descendants become children of this process, which can then see how they end.
class Subreaper {
 public:
  Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;
  ~Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
};

/// Carries pids from a forked worker (which inherits it) to the test.
class PidPipe {
 public:
  PidPipe() { EXPECT_EQ(::pipe(ends_), 0); }
  PidPipe(const PidPipe&) = delete;
  PidPipe& operator=(const PidPipe&) = delete;
  ~PidPipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void write(pid_t pid) const {
    if (::write(ends_[1], &pid, sizeof pid) != sizeof pid) ::_exit(98);
  }
  pid_t read() const {
    pid_t pid = 0;
    EXPECT_EQ(::read(ends_[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    return pid;
  }

 private:
  int ends_[2] = {-1, -1};
};

/// Call in a worker: starts a child that first calls `first` and then lives until it is killed. The child is ready when
/// this returns.
template <class First>
pid_t fork_that_lives(First first) {
  const PidPipe ready;
  const pid_t child = ::fork();
  if (child == 0) {
    first();
    ready.write(::getpid());
    for (;;) ::pause();
  }
  ready.read();
  return child;
}

/// Waits for the end of a child and returns the signal that ended it; 0 if none did.
inline int signal_that_ended(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

inline void wait_until_stopped(pid_t child) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOWAIT) != 0) {}
}

inline bool kernel_is_at_least(int major, int minor) {
  utsname name{};
  ::uname(&name);
  int its_major = 0;
  int its_minor = 0;
  EXPECT_EQ(std::sscanf(name.release, "%d.%d", &its_major, &its_minor), 2);
  return its_major > major || (its_major == major && its_minor >= minor);
}

}  // namespace support
