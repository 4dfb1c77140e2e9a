#include "os/spawn.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <filesystem>

#include "os/close_fds.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/fork_guard.hpp"
#include "os/process_state.hpp"
#include "os/reap.hpp"
#include "os/sanitizer.hpp"
#include "os/signals.hpp"

namespace coproc::inline v0::os {

namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));  // exec does not write
  pointers.push_back(nullptr);
  return pointers;
}

/// The parameters of a child by vfork. It writes its result here, since it shares the memory of this process.
struct Spawned {
  const Program& program;
  const char* path;
  char* const* arguments;
  char* const* environment;
  int control;
  int error;
  std::uint64_t ignored;  // ignored_signals()
  sigset_t mask;          // the program's signal mask
  int error_number = 0;
  const char* failed = nullptr;  // the name of the call
};

void open_null(int number, int flags) noexcept {
  const int fd = ::open("/dev/null", flags);
  if (fd < 0 || fd == number) return;
  ::dup2(fd, number);
  ::close(fd);
}

/// Puts a descriptor at `number`, open across exec, also if it is there already.
bool put(int fd, int number) noexcept {
  return fd == number ? ::fcntl(fd, F_SETFD, 0) == 0 : ::dup2(fd, number) == number;
}

/// Returns only if a call failed. Like everything in the child, it makes only system calls: nothing that allocates or
/// locks.
void become_program(Spawned& spawned) noexcept {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    if ((spawned.ignored >> (number - 1) & 1) == 0) ::sigaction(number, &by_default, nullptr);
  }

  const auto fails = [&](const char* call, bool is_done) {
    if (!is_done) spawned.failed = call;
    return !is_done;
  };
  const Program& program = spawned.program;
  // The descriptors that are to be at 0 to 3 have higher numbers, so that none is overwritten before it is used.
  if (program.input >= 0) {
    if (fails("dup2", put(program.input, STDIN_FILENO))) return;
  } else if (::fcntl(STDIN_FILENO, F_GETFD) < 0) {
    open_null(STDIN_FILENO, O_RDONLY);
  }
  if (program.output >= 0) {
    if (fails("dup2", put(program.output, STDOUT_FILENO))) return;
  } else if (::fcntl(STDOUT_FILENO, F_GETFD) < 0) {
    open_null(STDOUT_FILENO, O_WRONLY);
  }
  if (fails("dup2", put(spawned.error, STDERR_FILENO))) return;
  if (program.working_directory >= 0 && fails("fchdir", ::fchdir(program.working_directory) == 0)) return;
  if (spawned.control >= 0 && fails("dup2", put(spawned.control, kSpawnedFd))) return;
  close_fds(spawned.control >= 0 ? kSpawnedFd + 1 : kSpawnedFd, kLastFd);
  if (program.leads_group && fails("setpgid", ::setpgid(0, 0) == 0)) return;
  ::sigprocmask(SIG_SETMASK, &spawned.mask, nullptr);
  ::execve(spawned.path, spawned.arguments, spawned.environment);
  spawned.failed = "execve";
}

/// Makes a child that shares this process's memory until it executes the program, which takes no longer for a large
/// process. posix_spawn would need a clone3 that is not refused, and could not close all descriptors.
__attribute__((noinline)) pid_t run_in_child(Spawned& spawned) noexcept {
  // The thread sanitizer turns vfork() into a fork(), whose handlers would close in the child what it is to be given.
  const pid_t pid = kHasThreadSanitizer ? fork_to_execute() : ::vfork();
  if (pid != 0) return pid;
  become_program(spawned);
  spawned.error_number = errno;
  ::_exit(127);
}

}  // namespace

pid_t spawn(const Program& program, const Fd& control, int error) {
  const auto argv = pointers_to(program.arguments), envp = pointers_to(program.environment);
  // A path is relative to this directory, not to the program's.
  const std::string path =
      program.path.starts_with('/') ? program.path : std::filesystem::absolute(program.path).string();
  Spawned spawned{program, path.c_str(), argv.data(), envp.data(), control.get(), error, ignored_signals(), {}};
  sigemptyset(&spawned.mask);
  sigaddset(&spawned.mask, SIGINT);
  if (program.blocks_signals) sigfillset(&spawned.mask);
  pid_t pid;
  {
    const SignalBlock no_handler_runs_in_the_child;
    int cancel_state;
    ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
                             &cancel_state);  // or the child could be cancelled in place of this thread
    pid = call_once([&] { return run_in_child(spawned); });
    const int saved = errno;
    ::pthread_setcancelstate(cancel_state, nullptr);
    errno = saved;
  }
  if (pid < 0) throw_errno("vfork");
  if (spawned.error_number == 0) return pid;
  kill_and_reap(pid);
  errno = spawned.error_number;
  throw_errno(spawned.failed, program.path);
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

void set_environment(const std::vector<std::string>& variables) {
  ::clearenv();
  for (const std::string& variable : variables) {
    const auto equals = variable.find('=', 1);
    if (equals == std::string::npos) continue;  // only in an environment that was made by hand
    const std::string name = variable.substr(0, equals);
    if (::setenv(name.c_str(), variable.c_str() + equals + 1, 1) != 0) throw_errno("setenv", name);
  }
}

}  // namespace coproc::inline v0::os
