// Finds a program by its name, as a shell would.
//
// Thread safety: a free function, which reads the environment.
#pragma once

#include <optional>
#include <string>

namespace coproc::inline v0::os {

/// The name itself if it has a slash; else the first executable file with this name in the directories of PATH;
/// nullopt: there is none.
std::optional<std::string> find_program(const std::string& name);

}  // namespace coproc::inline v0::os
