// `coproc stack PID`: where the threads of a living process are.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace command {

struct StackRequest {
  pid_t pid = 0;
  bool wants_json = false;
};

/// What can be known, in lines or as JSON. The process goes on afterwards. Blocks while a debugger does its work.
/// nullopt: there is no such process. Throws std::system_error.
std::optional<std::string> stack_text(const StackRequest& request);

/// Prints it. Returns 0, or 1 if there is no such process, which is said
/// on stderr. Throws std::system_error.
int stack(const StackRequest& request);

}  // namespace command
