// Starts a program in a new process.
//
// Thread safety: any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// The number at which a spawned program finds the descriptor that was given to it.
inline constexpr int kSpawnedFd = 3;

struct Program {
  std::string path;  // not searched for; relative to this process's working directory
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  int input = -1;  // its stdin and stdout; -1: this process's own, or /dev/null where it has none
  int output = -1;
  int working_directory = -1;  // -1: this process's own
  /// Whether it begins with all signals blocked; else with SIGINT only.
  bool blocks_signals = true;
};

/// Runs a program that has `error` as its stderr, `control` at kSpawnedFd, no other descriptor, and all signals at their
/// defaults but ignored_signals(). A signal that is blocked stays so until the program wants it: a Ctrl-C must not end it before. Throws
/// std::system_error, also where the program cannot be executed (ENOENT, EACCES, ...).
pid_t spawn(const Program& program, const Fd& control, int error);

/// This process's environment: "NAME=value", in its order.
std::vector<std::string> environment();
/// Replaces it. Throws std::system_error.
void set_environment(const std::vector<std::string>& variables);

}  // namespace coproc::inline v0::os
