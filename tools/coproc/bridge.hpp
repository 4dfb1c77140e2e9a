// `coproc bridge -- PROGRAM`: a worker that passes its messages to a program's stdin, and what that prints to the host.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace command {

struct BridgeRequest {
  std::vector<std::string> program;
  bool is_msgpack = false;           // else lines
  std::size_t max_bytes = 16 << 20;  // of a line or record of the program
};

/// Is the worker until the program has ended. Returns its exit code; if a signal has ended it, this process ends by the
/// same signal. Returns kFailed if no host has started this process.
int bridge(const BridgeRequest& request);

}  // namespace command
