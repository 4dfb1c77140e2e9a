// `coproc top`: what the processes that use coproc do, again and again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <vector>

namespace command {

struct TopRequest {
  std::vector<pid_t> pids;  // only what belongs to these; empty: all
  bool wants_json = false;  // an object in each line
  unsigned long count = 0;  // of pictures, each of them an interval later than the one before; 0: until it is ended
  std::chrono::nanoseconds interval = std::chrono::seconds(1);
};

/// Shows it on a terminal, or prints it. Returns 0; or 1 if one of the processes cannot be shown at the start, which is
/// said on stderr; or 128 and the number of the signal that has ended it. Throws std::system_error.
int top(const TopRequest& request);

}  // namespace command
