// Makes a freshly forked process into what WorkerOptions ask for.
//
// Thread safety: for the child's only thread.
#pragma once

#include <span>

#include "coproc/options.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::process {

/// Standard descriptors, environment, working directory, other descriptors, name; `stage` always says which one it is
/// at.
/// Paths of standard streams are relative to the host's directory. `kept` are the descriptors that stay open besides
/// the options' own. Throws std::system_error.
void set_up_child(const WorkerOptions& options, std::span<const int> kept, StartStage& stage);

}  // namespace coproc::inline v0::process
