// The stacks of any process, by a debugger that is installed.
//
// Thread safety: free functions.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace command {

struct Debugged {
  std::string name;                                  // of the debugger; empty: there is none
  std::map<pid_t, std::vector<std::string>> stacks;  // by thread, the innermost call first, without what terminals obey
  std::string problem;                               // why there are none
};

/// Runs eu-stack, or else gdb, for half a minute at most. The process is stopped meanwhile, and goes on afterwards.
/// A signal that ends this process is heeded when the debugger has let the other one go. Throws std::system_error.
Debugged debug(pid_t process);

}  // namespace command
