// This program, executed once more to become a worker or the fork server; and the processes in which that is refused.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <vector>

#include "os/spawn.hpp"

namespace coproc::inline v0::process {

/// Throws StartReport in a process that awaits_take_over().
void refuse_before_take_over();

/// Throws StartReport in a process that gives_other_rights().
void refuse_with_other_rights();

/// This program, to be taken over in this role. Throws StartReport if that cannot be.
os::Program this_program(const char* role, std::vector<std::string> environment);

}  // namespace coproc::inline v0::process
