// How a host executes coproc-agent on its own machine, and what it is answered.
//
// Thread safety: free functions; any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>

#include "coproc/options.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/pidfd.hpp"
#include "process/start_stage.hpp"
#include "remote/messages.hpp"
#include "remote/remote_life.hpp"

namespace coproc::inline v0::remote {

struct AgentProcess {
  pid_t pid = 0;
  os::Pidfd pidfd;
  std::unique_ptr<AgentSocket> socket;
};

/// Executes it in this role, with 1 and 2 as the worker's are to be. `stage` is where it was when it throws
/// StartReport, std::system_error. REQUIRES: options.machine.
AgentProcess execute_agent(const WorkerOptions& options, const char* role, process::StartStage& stage);

/// How the machine is reached. `program_build_id`: of the program that is sent there, or empty.
LaunchRequest launch_request(const Machine& machine, std::string program_build_id);

/// By when an agent answers that is to do something in this time.
os::Deadline with_agents_grace(std::chrono::nanoseconds start_timeout);
/// Throws StartReport if none comes by then.
StartAnswer await_answer(const os::Fd& socket, const os::Deadline& deadline);
/// Throws StartReport if these bytes are none.
StartAnswer read_answer(const std::string& bytes);
/// Throws the StartError of an answer that says that the worker was not started.
[[noreturn]] void throw_refusal(const StartAnswer& answer, const WorkerOptions& options);

}  // namespace coproc::inline v0::remote
