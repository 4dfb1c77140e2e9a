// Starts a program in a new process.
//
// Thread safety: any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// The number at which a spawned program finds the descriptor that it is given.
inline constexpr int kSpawnedFd = 3;

struct Program {
  std::string path;  // no search by name; relative to this process's working directory
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  int input = -1;  // its stdin and stdout; -1: this process's own, or else /dev/null
  int output = -1;
  int working_directory = -1;  // -1: this process's own
  /// Whether the program starts with all signals blocked; otherwise only SIGINT is blocked.
  bool blocks_signals = true;
  /// Whether it leads a process group of its own, so that what a terminal sends to this process's group spares it.
  bool leads_group = false;
};

/// Runs a program that has `error` as its stderr, `control` (which may be empty) at kSpawnedFd, no other descriptors,
/// and all signals but ignored_signals() at their defaults. A blocked signal stays blocked until the program unblocks
/// it, so that Ctrl-C does not end it before. Throws std::system_error, also if the program cannot be executed (ENOENT,
/// EACCES, ...).
pid_t spawn(const Program& program, const Fd& control, int error);

/// This process's environment: "NAME=value", in its order.
std::vector<std::string> environment();
/// Replaces this process's environment. Throws std::system_error.
void set_environment(const std::vector<std::string>& variables);

}  // namespace coproc::inline v0::os
