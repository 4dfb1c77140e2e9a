// `coproc stack PID`: where the threads of a living process are.
#pragma once

#include <sys/types.h>

namespace command {

struct StackRequest {
  pid_t pid = 0;
  bool wants_json = false;
};

/// Prints what can be known. The process goes on afterwards. Returns 0, or 1 if there is no such process, which is said
/// on stderr. Throws std::system_error.
int stack(const StackRequest& request);

}  // namespace command
