// The host's side of a start on another machine.
//
// Thread safety: free functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "coproc/options.hpp"
#include "os/fd.hpp"
#include "process/child.hpp"
#include "remote/trunk.hpp"

namespace coproc::inline v0::remote {

/// The descriptors of the end of the host's link that the near agent opens (Link::fds_to_hand_over), and its number.
struct AgentLink {
  int end = 0;
  std::array<int, 3> fds{};
  std::size_t ring_bytes = 0;
};

/// Starts the near agent, and by it the worker, which is given `payload`, by a launch of its own or through the trunk
/// of its machine. Returns when the worker is about to run what
/// its Prepare returned. What the worker prints goes where `options` say. Throws StartError, InvalidArgumentError for
/// options that cannot be fulfilled there, and then leaves nothing behind. REQUIRES: options.machine.
process::Child start_on_machine(const WorkerOptions& options, const RemoteProgram& program, const AgentLink& link,
                                std::string payload, Trunk* trunk = nullptr);

/// Throws InvalidArgumentError for options that cannot be fulfilled on another machine. REQUIRES: options.machine.
void check_remote_options(const WorkerOptions& options);

}  // namespace coproc::inline v0::remote
