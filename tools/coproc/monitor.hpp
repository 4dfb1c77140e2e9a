// `coproc monitor -- COMMAND`: what a command and its descendants take, over time.
#pragma once

#include <string>
#include <vector>

#include "coproc/monitor_recorder.hpp"

namespace command {

/// The exit code of a command of coproc that could not do its work, as of `env` and `timeout`.
inline constexpr int kFailed = 125;

struct MonitorRequest {
  std::vector<std::string> command;
  coproc::MonitorOptions options;  // its pid is that of the command
  bool is_quiet = false;
};

/// Runs the command to its end. SIGTERM and SIGHUP are passed on to it. Returns its exit code, or 128 and the number of
/// the signal that has ended it; 126 and 127 if it cannot be executed, or is not there. Throws InvalidArgumentError,
/// std::system_error.
int monitor(const MonitorRequest& request);

}  // namespace command
