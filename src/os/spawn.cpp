#include "os/spawn.hpp"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <filesystem>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/process_state.hpp"

namespace coproc::inline v0::os {

namespace {

/// These functions give their error back instead of setting errno.
void require(int error_number, const char* call, const std::string& path) {
  if (error_number == 0) return;
  errno = error_number;
  throw_errno(call, path);
}

class FileActions {
 public:
  FileActions() { require(::posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init", ""); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void put(int fd, int number) {
    require(::posix_spawn_file_actions_adddup2(&actions_, fd, number), "posix_spawn_file_actions_adddup2", "");
  }
  void open_null(int number, int flags) {
    require(::posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", flags, 0),
            "posix_spawn_file_actions_addopen", "/dev/null");
  }
  void enter(int directory) {
    require(::posix_spawn_file_actions_addfchdir_np(&actions_, directory), "posix_spawn_file_actions_addfchdir_np", "");
  }
  void close_from(int number) {
    require(::posix_spawn_file_actions_addclosefrom_np(&actions_, number), "posix_spawn_file_actions_addclosefrom_np",
            "");
  }
  const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class Attributes {
 public:
  explicit Attributes(bool blocks_signals) {
    require(::posix_spawnattr_init(&attributes_), "posix_spawnattr_init", "");
    sigset_t all, interrupts;
    sigfillset(&all);
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    ::posix_spawnattr_setsigmask(&attributes_, blocks_signals ? &all : &interrupts);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));  // exec does not write
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

pid_t spawn(const Program& program, const Fd& control, int error) {
  FileActions actions;
  if (program.input >= 0) {
    actions.put(program.input, STDIN_FILENO);
  } else if (!is_open(STDIN_FILENO)) {
    actions.open_null(STDIN_FILENO, O_RDONLY);
  }
  if (program.output >= 0) {
    actions.put(program.output, STDOUT_FILENO);
  } else if (!is_open(STDOUT_FILENO)) {
    actions.open_null(STDOUT_FILENO, O_WRONLY);
  }
  actions.put(error, STDERR_FILENO);
  if (program.working_directory >= 0) actions.enter(program.working_directory);
  actions.put(control.get(), kSpawnedFd);
  actions.close_from(kSpawnedFd + 1);
  const Attributes attributes(program.blocks_signals);
  const auto argv = pointers_to(program.arguments), envp = pointers_to(program.environment);
  const std::string path = std::filesystem::absolute(program.path).string();
  pid_t pid = -1;
  require(should_fail() ? errno
                        : ::posix_spawn(&pid, path.c_str(), actions.get(), attributes.get(), argv.data(), envp.data()),
          "posix_spawn", program.path);
  return pid;
}

std::string own_program() {
  char path[PATH_MAX];
  const ssize_t length = call_retried([&] { return ::readlink("/proc/self/exe", path, sizeof path); });
  if (length < 0) throw_errno("readlink", "/proc/self/exe");
  std::string program(path, static_cast<std::size_t>(length));
  // The link itself still leads to the program that runs here. Else its name is better: under valgrind the link leads to
  // valgrind.
  return program.ends_with(" (deleted)") ? "/proc/self/exe" : program;
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
    if (equals == std::string::npos) continue;  // only a hand-made environment has such a thing
    const std::string name = variable.substr(0, equals);
    if (::setenv(name.c_str(), variable.c_str() + equals + 1, 1) != 0) throw_errno("setenv", name);
  }
}

}  // namespace coproc::inline v0::os
