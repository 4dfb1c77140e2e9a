// A fork and a pipe, as a program without a library would use them: the mark for starting, stopping and losing a
// worker.
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "life.hpp"

namespace {

struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) bench::throw_errno("pipe2");
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(ends[0]);
    close_writer();
  }
  void close_writer() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  int ends[2];
};

template <class Child>
pid_t fork_child(Child child) {
  const pid_t pid = fork();
  if (pid < 0) bench::throw_errno("fork");
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  _exit(child());
}

/// Measures until the first byte from the child.
double start() {
  const Pipe pipe;
  char byte = 0;
  const double begin = bench::now();
  const pid_t pid = fork_child([&] { return write(pipe.ends[1], &byte, 1) == 1 ? 0 : 1; });
  bench::check(read(pipe.ends[0], &byte, 1) == 1, "the child says nothing");
  const double time = bench::us_since(begin);
  waitpid(pid, nullptr, 0);
  return time;
}

/// Measures closing the child's pipe and waiting for its end.
double stop() {
  Pipe pipe;
  const double begin = bench::now();
  const pid_t pid = fork_child([&] {
    pipe.close_writer();
    char byte = 0;
    return read(pipe.ends[0], &byte, 1) == 0 ? 0 : 1;
  });
  pipe.close_writer();
  waitpid(pid, nullptr, 0);
  return bench::us_since(begin);
}

/// Measures until a `poll` of its pidfd sees the child's end.
double death() {
  bench::Killer killer;
  const pid_t pid = fork_child([]() -> int {
    for (;;) pause();
  });
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) bench::throw_errno("pidfd_open");
  const double time = killer.time_of_death(pid, [&] {
    pollfd entry = {pidfd, POLLIN, 0};
    poll(&entry, 1, -1);
  });
  close(pidfd);
  waitpid(pid, nullptr, 0);
  return time;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_life(argc, argv, start, stop, death,
                         [](const bench::Job&) -> bench::Result { throw bench::NotOffered(); });
}
