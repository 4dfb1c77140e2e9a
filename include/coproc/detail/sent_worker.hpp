// The entry of a program that is executed to run what its host sends: the interpreter of another language.
#pragma once

#include <string>

#include "coproc/export.hpp"
#include "coproc/messenger.hpp"

namespace coproc::inline v0::detail {

/// What such a program does with the argument of its host's `start`, a std::string, as a WorkerResource of an
/// Executable.
struct SentWorker {
  /// Takes the argument, before the host is told that the worker has started. An exception ends the start: its text is
  /// that of the host's StartError.
  void (*prepare)(void* context, const std::string& sent);
  /// The target.
  void (*run)(void* context, Messenger& messenger);
  void* context;
};

/// Runs the target and returns the exit code for main, as this_worker::run does. Call this once. Throws StartError if
/// no host has started this program.
COPROC_API int run_sent_worker(const SentWorker& worker);

}  // namespace coproc::inline v0::detail
