// What a worker that is a new program gets of its host: standard streams, working directory, environment.
//
// Thread safety: a value, and a free function.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "coproc/options.hpp"
#include "os/fd.hpp"
#include "process/standard_descriptors.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::process {

/// The descriptors that the worker gets from the host. They are opened here, so that they are the host's as it is now.
class Inherited {
 public:
  /// `stage` always says which one it is at. Throws std::system_error and StartReport.
  Inherited(const WorkerOptions& options, StartStage& stage);

  /// The one for 0, 1 or 2.
  int standard(int number) const {
    const os::Fd& fd = opened_[static_cast<std::size_t>(number)];
    return fd ? fd.get() : number;  // not opened here: the host's own
  }
  int working_directory() const noexcept { return working_directory_.get(); }

 private:
  StandardDescriptors opened_;
  os::Fd working_directory_;
};

/// The host's environment with WorkerOptions::env applied. Throws StartReport.
std::vector<std::string> environment_for(const WorkerOptions& options);

}  // namespace coproc::inline v0::process
