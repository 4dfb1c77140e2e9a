// `coproc map`: the processes that use coproc, who is whose worker, and what is in the links between them.
#pragma once

#include <sys/types.h>

#include <vector>

namespace command {

struct MapRequest {
  std::vector<pid_t> pids;  // only what belongs to these; empty: all
  bool wants_json = false;
  bool wants_dot = false;
};

/// Prints what there is at this moment. Returns 0, or 1 if one of the processes does not use coproc, does not exist, or
/// cannot be looked into, which is said on stderr.
int map(const MapRequest& request);

}  // namespace command
