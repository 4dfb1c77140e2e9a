// Where a worker's stdin, stdout and stderr lead.
//
// Thread safety: free functions.
#pragma once

#include <array>

#include "coproc/options.hpp"
#include "os/fd.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::process {

/// The descriptors 0, 1 and 2, by number. Where there is none, the process keeps its own.
using StandardDescriptors = std::array<os::Fd, 3>;

/// Opens what WorkerOptions ask for. Paths are relative to the working directory. `stage` always says which one it is
/// at. Throws std::system_error.
StandardDescriptors open_standard_descriptors(const WorkerOptions& options, StartStage& stage);

/// Puts them at 0, 1 and 2. Throws std::system_error.
void put_standard_descriptors(const StandardDescriptors& descriptors, StartStage& stage);

}  // namespace coproc::inline v0::process
