// Sets up a freshly forked process as WorkerOptions ask for.
//
// Thread safety: for the child's only thread.
#pragma once

#include <span>

#include "coproc/options.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::process {

/// Sets standard descriptors, environment, working directory, other descriptors and name; `stage` always says which
/// of these it is at. Paths of standard streams are relative to the host's directory. `kept` are descriptors that
/// stay open besides those that the options name. Throws std::system_error.
void set_up_child(const WorkerOptions& options, std::span<const int> kept, StartStage& stage);

}  // namespace coproc::inline v0::process
