// Processes for tests: hosts that can be killed, pipes to them, and the ends of their workers.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>

namespace support {

/// A pipe that forked children inherit. Programs that are executed do not have it.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }

  int read_fd() const { return ends_[0]; }
  int write_fd() const { return ends_[1]; }
  void close_write_end() { ::close(std::exchange(ends_[1], -1)); }
  void close_both_ends() {
    close_write_end();
    ::close(std::exchange(ends_[0], -1));
  }

  template <class T>
  void write(T value) const {
    if (::write(ends_[1], &value, sizeof value) != ssize_t(sizeof value)) ::abort();
  }
  /// Waits for one value, which was written at once.
  template <class T>
  T read() const {
    T value{};
    while (::read(ends_[0], &value, sizeof value) < 0 && errno == EINTR) {}
    return value;
  }
  /// Reads up to `last`, or until the last writer has closed the pipe.
  std::string read_text(char last = '\0') const {
    std::string text;
    for (char c; ::read(ends_[0], &c, 1) == 1 && c != last;) text += c;
    return text;
  }

 private:
  int ends_[2] = {-1, -1};
};

[[noreturn]] inline void sleep_for_ever() {
  for (;;) ::pause();
}

/// "exit 0", "signal 9".
inline std::string describe_end(int status) {
  return WIFEXITED(status) ? "exit " + std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status));
}

/// Waits for the end of a child and describes it.
inline std::string end_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return "no child";
  }
  return describe_end(status);
}

/// A fork of the test that runs `body` until it is killed; `body` must not return.
class Host {
 public:
  template <class Body>
  explicit Host(Body body) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    try {
      body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "the test's host: %s\n", error.what());
    }
    ::_exit(99);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() { kill(); }

  pid_t pid() const { return pid_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    end_of(std::exchange(pid_, -1));
  }

 private:
  pid_t pid_;
};

/// Returns the result of `body` in a fork of the test, or the exception that left it. The body may change everything
/// about its process, except for the descriptors from 200 to 209.
template <class Body>
std::string in_host(Body body) {
  Pipe answer;
  std::fflush(nullptr);
  const pid_t host = ::fork();
  if (host == 0) {
    const int out = ::fcntl(answer.write_fd(), F_DUPFD_CLOEXEC, 200);
    answer.close_both_ends();
    std::string text;
    try {
      text = body();
    } catch (const std::exception& error) {
      text = std::string("exception: ") + error.what();
    }
    (void)!::write(out, text.c_str(), text.size() + 1);
    ::_exit(0);
  }
  answer.close_write_end();
  const std::string text = answer.read_text();
  const std::string end = end_of(host);
  return end == "exit 0" ? text : text + " and " + end;
}

/// Makes the workers of hosts that have died children of the test, which can then see how they end. The destructor
/// waits for all of them.
class Orphans {
 public:
  Orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  Orphans(const Orphans&) = delete;
  Orphans& operator=(const Orphans&) = delete;
  ~Orphans() {
    wait_for_all();
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }
  static void wait_for_all() {
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {}
  }
};

/// Returns the file that each open descriptor of a process leads to.
inline std::map<int, std::string> descriptors_of(pid_t pid) {
  std::map<int, std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;
    std::string target = std::filesystem::read_symlink(entry, gone);
    struct stat file {};
    if (target.starts_with("/memfd:") && ::stat(entry.path().c_str(), &file) == 0)
      target += " " + std::to_string(file.st_ino);
    if (!gone) all[std::stoi(entry.path().filename())] = target;
  }
  return all;
}

inline std::string file_of(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  std::string text;
  std::getline(file, text, '\0');
  return text;
}

inline std::ptrdiff_t count_threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

/// Returns 'R', 'S', 'T', 'Z', ...; '?' if there is no such process.
inline char state_of(pid_t pid) {
  const std::string stat = file_of(pid, "stat");
  const auto end_of_name = stat.rfind(')');
  return end_of_name == std::string::npos ? '?' : stat[end_of_name + 2];
}

/// Returns the pid of a host's fork server, or -1 if there is none. Finds only children of the host's first thread.
inline pid_t fork_server_of(pid_t host) {
  std::ifstream children("/proc/" + std::to_string(host) + "/task/" + std::to_string(host) + "/children");
  for (pid_t child; children >> child;) {
    if (file_of(child, "comm") == "coproc-forks\n" && state_of(child) != 'Z') return child;
  }
  return -1;
}

}  // namespace support
