// The other side of a benchmark that does without the library: a forked process, and pipes and sockets to it.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bench {

[[noreturn]] inline void throw_errno(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline void pin_to(int processor) {
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
    } catch (...) {
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

  /// Waits for its end. Throws if it did not end well: its content was wrong.
  void finish() {
    if (wait_for_it() != 0) throw std::runtime_error("the peer received wrong content or failed");
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

/// Two-way byte streams to a forked peer: a pair of pipes or a socketpair.
class ByteLink {
 public:
  enum class Kind { pipes, sockets };

  explicit ByteLink(Kind kind) {
    int there[2], back[2];
    if (kind == Kind::sockets) {
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, there) != 0) throw_errno("socketpair");
      host_in_ = host_out_ = there[0];
      peer_in_ = peer_out_ = there[1];
      return;
    }
    if (pipe(there) != 0) throw_errno("pipe");
    if (pipe(back) != 0) throw_errno("pipe");
    peer_in_ = there[0], host_out_ = there[1];
    host_in_ = back[0], peer_out_ = back[1];
  }
  ByteLink(const ByteLink&) = delete;
  ByteLink& operator=(const ByteLink&) = delete;
  ~ByteLink() {
    close_host();
    close_peer();
  }

  /// Each side keeps its own end, so that it sees the other's death. A host calls `become_host` after the fork.
  void become_host() { close_peer(); }
  void become_peer() {
    close_host();
    std::swap(host_in_, peer_in_);
    std::swap(host_out_, peer_out_);
  }

  void write_all(const void* data, std::size_t bytes) const {
    for (auto* at = static_cast<const char*>(data); bytes != 0;) {
      const ssize_t n = write(host_out_, at, bytes);
      if (n < 0 && errno != EINTR) throw_errno("write");
      if (n > 0) at += n, bytes -= static_cast<std::size_t>(n);
    }
  }
  void read_all(void* data, std::size_t bytes) const {
    for (auto* at = static_cast<char*>(data); bytes != 0;) {
      const std::size_t n = read_some(at, bytes);
      at += n, bytes -= n;
    }
  }
  std::size_t read_some(void* data, std::size_t bytes) const {
    ssize_t n = 0;
    do {
      n = read(host_in_, data, bytes);
    } while (n < 0 && errno == EINTR);
    if (n < 0) throw_errno("read");
    if (n == 0) throw std::runtime_error("the other side of the benchmark is gone");
    return static_cast<std::size_t>(n);
  }

 private:
  static void close_both(int& in, int& out) {
    if (in >= 0) close(in);
    if (out >= 0 && out != in) close(out);
    in = out = -1;
  }
  void close_host() { close_both(host_in_, host_out_); }
  void close_peer() { close_both(peer_in_, peer_out_); }

  int host_in_ = -1, host_out_ = -1, peer_in_ = -1, peer_out_ = -1;
};

}  // namespace bench
