// The last stage of a worker's start: its process confines itself.
//
// Thread safety: for the worker's only thread.
#pragma once

#include <string>

#include "coproc/limits.hpp"
#include "coproc/sandbox.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::process {

/// Confines this process, and returns the report that it has started. `sandbox` may be null. `control_group` is the one
/// that was made for it, or empty. Throws StartReport.
StartReport confine(const detail::SandboxParts* sandbox, const Limits& limits, const std::string& control_group);

}  // namespace coproc::inline v0::process
