// Executes a command that a user has given for a machine: its launcher, its fence.
//
// Thread safety: free functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "os/fd.hpp"
#include "process/child.hpp"

namespace coproc::inline v0::agent {

/// Executes the command, in a process group of its own. `role` names it in errors: "its launcher". Throws
/// std::system_error, process::StartReport if there is no such program.
process::Child execute_command(const std::vector<std::string>& command, const std::string& role, const os::Fd& input,
                               const os::Fd& output, const os::Fd& errors);

}  // namespace coproc::inline v0::agent
