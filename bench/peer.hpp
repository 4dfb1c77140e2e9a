// The other side of a benchmark, which is a forked process, and the few system calls that all benchmarks need.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <system_error>

namespace bench {

[[noreturn]] inline void throw_errno(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

/// Seconds since some moment, which is the same in all processes.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Pins this thread to a processor; -1 leaves the choice to the system.
inline void pin_to(int processor) {
  if (processor < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(processor), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) throw_errno("sched_setaffinity");
}

/// A child that runs one function on one processor, dies with its parent, and is never left behind.
class Peer {
 public:
  template <class Body>
  Peer(int processor, Body body) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw_errno("fork");
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(2);
    try {
      pin_to(processor);
      body();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "peer: %s\n", e.what());
      _exit(1);
    }
    _exit(0);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    wait_for_it();
  }

  pid_t pid() const noexcept { return pid_; }

  /// Waits for its end. Throws if it failed.
  void finish() {
    if (wait_for_it() != 0) throw std::runtime_error("the peer failed");
  }

 private:
  int wait_for_it() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
    pid_ = -1;
    return status;
  }

  pid_t pid_ = -1;
};

}  // namespace bench
