// The control group of a worker.
//
// Thread safety: free functions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coproc/limits.hpp"
#include "coproc/options.hpp"
#include "os/own_control_group.hpp"

namespace coproc::inline v0 {

/// Makes the group for which these options ask, with their limits. Null: they ask for none. Throws
/// process::StartReport.
std::unique_ptr<os::OwnControlGroup> make_own_group(const WorkerOptions& options);

/// Adds what such a group enforces to Confinement::limits.
void add_limits_of_own_group(const Limits& limits, std::vector<std::string>& described);

}  // namespace coproc::inline v0
