// The start methods `fork_server`, `spawn` and `executable`: workers that are not a fork of their host.
//
// Thread safety: any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "coproc/options.hpp"
#include "os/spawn.hpp"
#include "process/child.hpp"

namespace coproc::inline v0::process {

struct NewProgram {
  StartMethod method;                       // fork_server, spawn or executable
  bool may_be_spawned = false;              // if there can be no fork server
  std::string path = {};                    // of an executable
  std::vector<std::string> arguments = {};  // likewise
};

struct StartedProgram {
  Child child;
  std::string note;  // why it was spawned although fork_server was asked for; empty: it was not
};
/// Starts a worker that gives `payload` and copies of `fds` to its Prepare (take_over.hpp). Returns when the worker
/// is about to run what Prepare returned. Throws StartError, whose stage is name_of() a StartStage, and then leaves
/// nothing behind; InvalidArgumentError.
StartedProgram start_in_new_program(const WorkerOptions& options, const NewProgram& program, std::string payload,
                                    std::span<const int> fds);

/// Throws StartReport in a process that awaits_take_over().
void refuse_before_take_over();

/// Throws StartReport in a process that gives_other_rights().
void refuse_with_other_rights();

/// This program, to be taken over in this role. Throws StartReport if that cannot be.
os::Program this_program(const char* role, std::vector<std::string> environment);

}  // namespace coproc::inline v0::process
