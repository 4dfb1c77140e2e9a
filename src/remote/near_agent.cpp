#include "remote/near_agent.hpp"

#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include "coproc/errors.hpp"
#include "process/start_stage.hpp"
#include "process/worker_identity.hpp"
#include "remote/agent_process.hpp"
#include "remote/conversation.hpp"
#include "remote/messages.hpp"
#include "remote/remote_life.hpp"

namespace coproc::inline v0::remote {

namespace {

using process::StartReport;
using process::StartStage;

/// In less the far agent could not end a worker before the near one gives it up: process::kHostGoneGrace has to fit
/// into what is left of it after the lease (agent/lease.hpp).
constexpr std::chrono::seconds kLeastSilence{2};

WorkerRequest worker_request(const WorkerOptions& options, const RemoteProgram& program, const AgentLink& link,
                             std::string payload) {
  WorkerRequest request;
  request.name = process::name_of_worker(options);
  request.number = process::new_identity(options).number;
  request.seed = options.seed;
  request.is_executable = program.is_executable;
  request.program = program.path;
  request.arguments = program.arguments;
  request.environment = options.env;
  request.working_directory = options.working_directory;
  request.kills_descendants = options.kill_descendants;
  request.heeds_signals_of_others = options.heed_signals_of_others;
  request.start_timeout_ns = options.start_timeout.ns.count();
  request.silence_ns = options.machine->options().silence.ns.count();
  request.ring_bytes = link.ring_bytes;
  request.payload = std::move(payload);
  return request;
}

NearRequest near_request(const WorkerOptions& options, const AgentLink& link, const RemoteProgram& program,
                         const WorkerRequest& worker) {
  const Machine& machine = *options.machine;
  NearRequest request;
  request.machine = machine.name();
  request.launch = launch_request(machine, program.build_id);
  request.fence = machine.launcher().fence;
  request.fence_time_ns = machine.launcher().fence_time.ns.count();
  request.start_timeout_ns = options.start_timeout.ns.count();
  request.silence_ns = machine.options().silence.ns.count();
  request.ring_bytes = link.ring_bytes;
  request.link_end = link.end;
  request.worker = to_bytes(worker);
  return request;
}

}  // namespace

void check_remote_options(const WorkerOptions& options) {
  const auto refuse = [&](const std::string& what) {
    throw InvalidArgumentError("worker \"" + process::name_of_worker(options) + "\" cannot be started on \"" +
                               options.machine->name() + "\": " + what);
  };
  const auto& command = options.machine->launcher().command;
  if (command.empty() || command.front().empty()) refuse("its Launcher has no command: give one, such as {\"env\"}");
  const auto& fence = options.machine->launcher().fence;
  if (!fence.empty() && fence.front().empty()) refuse("the first word of its Launcher::fence is empty: name a program");
  const Timeout fence_time = options.machine->launcher().fence_time;
  if (fence_time.ns <= std::chrono::seconds(0) || fence_time.ns == kForever.ns) {
    refuse("Launcher::fence_time has to be a time after which the loss is told: give one of a few seconds or minutes");
  }
  if (options.machine->options().silence.ns < kLeastSilence) {
    refuse("MachineOptions::silence is too short for signs of life to come in time: give at least 2 s");
  }
  const PortRange ports = options.machine->options().ports;
  if (ports.first > ports.last || (ports.first == 0 && ports.last != 0)) {
    refuse("MachineOptions::ports is no range: give the first and the last port, or leave both 0 for any");
  }
  if (!options.keep_fds.empty()) {
    refuse(
        "WorkerOptions::keep_fds are descriptors of this process, which do not reach another machine: leave it empty");
  }
  if (!std::holds_alternative<Inherit>(options.stdin_) && !std::holds_alternative<DevNull>(options.stdin_)) {
    refuse("WorkerOptions::stdin_ is always empty there: use Inherit or DevNull, and send what it is to read");
  }
  if (!options.control_group.empty()) refuse("WorkerOptions::control_group is one of this machine");
  if (options.sandbox) refuse("WorkerOptions::sandbox is not applied there: call this_worker::confine in the target");
  if (options.limits.any()) refuse("WorkerOptions::limits are not applied there: let the launcher's command set them");
}

process::Child start_on_machine(const WorkerOptions& options, const RemoteProgram& program, const AgentLink& link,
                                std::string payload, Trunk* trunk) {
  check_remote_options(options);
  StartStage stage = StartStage::setup;
  try {
    const os::Deadline in_time(options.start_timeout.ns);
    const os::Deadline deadline = with_agents_grace(options.start_timeout.ns);
    const WorkerRequest worker = worker_request(options, program, link, std::move(payload));
    NearRequest request = near_request(options, link, program, worker);
    std::vector<int> fds(link.fds.begin(), link.fds.end());
    std::unique_ptr<BranchPipes> branch;
    if (trunk != nullptr) {
      branch = trunk->open(options, program, deadline);
      request.is_on_trunk = true;
      request.start_timeout_ns = in_time.remaining().count();
      for (const int fd : branch->near_ends()) fds.push_back(fd);
    } else if (program.file) {
      fds.push_back(program.file.get());
    }
    AgentProcess agent = execute_agent(options, "near", stage);
    auto life = std::make_unique<RemoteLife>(agent.pid, std::move(agent.pidfd), std::move(agent.socket),
                                             options.machine->name());
    RemoteLife& remote = *life;
    process::Child child(std::move(life), nullptr);  // whose destructor ends the agent
    stage = StartStage::handshake;
    (void)send_message(remote.socket(), to_bytes(request), fds, deadline);
    branch.reset();
    const StartAnswer answer = await_answer(remote.socket(), deadline);
    if (answer.pid == 0) throw_refusal(answer, options);
    remote.set_pid(answer.pid);
    return child;
  } catch (const StartReport& report) {
    process::throw_start_error(report, options);
  } catch (const std::system_error& error) {
    process::throw_start_error(process::report_of(stage, error), options);
  }
}

}  // namespace coproc::inline v0::remote
