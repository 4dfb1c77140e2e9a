// For the tests of this layer: runs a piece of the test in a forked child, and counts what a test may leave behind.
#pragma once

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

namespace coproc::inline v0::os::testing {

/// Runs `body` in a forked child. Returns its exit code (at most 255), or 1000 + the signal that ended it.
template <class Body>
int in_child(Body body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

inline std::size_t count_entries(const char* path) {
  std::size_t count = 0;
  DIR* const directory = ::opendir(path);
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

inline std::size_t count_fds() { return count_entries("/proc/self/fd"); }

inline bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

}  // namespace coproc::inline v0::os::testing
