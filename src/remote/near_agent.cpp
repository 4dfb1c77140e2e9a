#include "remote/near_agent.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "os/file.hpp"
#include "os/find_program.hpp"
#include "os/pidfd.hpp"
#include "os/reap.hpp"
#include "os/spawn.hpp"
#include "process/local_life.hpp"
#include "process/standard_descriptors.hpp"
#include "process/standard_streams.hpp"
#include "process/start_stage.hpp"
#include "process/worker_identity.hpp"
#include "remote/conversation.hpp"
#include "remote/messages.hpp"
#include "remote/remote_life.hpp"

namespace coproc::inline v0::remote {

namespace {

using process::StartReport;
using process::StartStage;

/// The near agent ends a start that takes too long, and can say why. Only if it cannot even do that, the host does.
constexpr std::chrono::seconds kAgentsGrace{10};
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
  request.launcher = machine.launcher().command;
  request.uses_shell = machine.launcher().uses_shell;
  request.fence = machine.launcher().fence;
  request.fence_time_ns = machine.launcher().fence_time.ns.count();
  request.agent_there = machine.options().agent_there;
  if (request.agent_there.empty() && !machine.launcher().ships) request.agent_there = machine.options().agent;
  request.program_build_id = program.build_id;
  request.connects_back = machine.launcher().connects_back;
  request.first_port = machine.options().ports.first;
  request.last_port = machine.options().ports.last;
  request.start_timeout_ns = options.start_timeout.ns.count();
  request.silence_ns = machine.options().silence.ns.count();
  request.ring_bytes = link.ring_bytes;
  request.link_end = link.end;
  request.worker = to_bytes(worker);
  return request;
}

/// Throws StartReport.
std::string path_of_agent(const Machine& machine) {
  if (auto path = os::find_program(machine.options().agent)) return *std::move(path);
  throw StartReport{StartStage::exec, ENOENT,
                    "its near agent, the program \"" + machine.options().agent +
                        "\" (MachineOptions::agent), is not in PATH: install coproc-agent, or give its path"};
}

/// Executes the near agent, whose 1 and 2 are what the worker's are to be. Throws StartReport, std::system_error.
std::unique_ptr<RemoteLife> execute_agent(const WorkerOptions& options, StartStage& stage) {
  stage = StartStage::exec;
  os::Program program;
  program.path = path_of_agent(*options.machine);
  program.arguments = {program.path, "near"};
  program.environment = os::environment();
  const process::StandardDescriptors opened = process::open_standard_descriptors(options, stage);
  const os::Fd nothing = os::open_file("/dev/null", O_RDONLY);
  program.input = nothing.get();
  program.output = opened[1] ? opened[1].get() : -1;
  const int error_output = opened[2] ? opened[2].get() : STDERR_FILENO;
  process::flush_standard_streams();
  stage = StartStage::lifeline;
  auto socket = std::make_unique<AgentSocket>();
  stage = StartStage::exec;
  pid_t pid = 0;
  try {
    pid = os::spawn(program, socket->agent_end(), error_output);
  } catch (const std::system_error& error) {
    throw StartReport{StartStage::exec, error.code().value(),
                      "its near agent, the program \"" + program.path +
                          "\" (MachineOptions::agent), could not be executed" +
                          process::guess_at_processes(error.code().value())};
  }
  socket->keep_host_end();
  stage = StartStage::pidfd;
  os::Pidfd pidfd;
  try {
    pidfd = os::Pidfd::open(pid);
  } catch (const std::system_error&) {
    os::kill_and_reap(pid);
    throw;
  }
  return std::make_unique<RemoteLife>(pid, std::move(pidfd), std::move(socket), options.machine->name());
}

StartAnswer await_answer(RemoteLife& life, const os::Deadline& deadline) {
  const auto message = receive_message(life.socket(), deadline);
  if (!message) {
    throw StartReport{StartStage::handshake, deadline.passed() ? ETIMEDOUT : 0,
                      deadline.passed() ? "its near agent did not answer in WorkerOptions::start_timeout"
                                        : "its near agent ended without an answer"};
  }
  try {
    return read_start_answer(*message);
  } catch (const DecodeError& error) {
    throw StartReport{StartStage::handshake, 0,
                      std::string("its near agent gave an answer that is none: ") + error.what()};
  }
}

[[noreturn]] void throw_refusal(const StartAnswer& answer, const WorkerOptions& options) {
  std::optional<ExitStatus> status;
  if (answer.end) status = status_of(*answer.end, options.machine->name());
  throw StartError(answer.stage, answer.error,
                   '"' + process::name_of_worker(options) + "\" could not be started on \"" +
                       detail::in_one_line(options.machine->name()) + "\": " + detail::in_lines(answer.text, "    "),
                   status);
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
  if (options.sandbox) refuse("WorkerOptions::sandbox is not applied there: call this_worker::confine in the target");
  if (options.limits.any()) refuse("WorkerOptions::limits are not applied there: let the launcher's command set them");
}

process::Child start_on_machine(const WorkerOptions& options, const RemoteProgram& program, const AgentLink& link,
                                std::string payload) {
  check_remote_options(options);
  StartStage stage = StartStage::setup;
  try {
    const Timeout time = options.start_timeout;
    const bool is_bounded = time.ns < std::chrono::hours(24 * 365);
    const os::Deadline deadline(is_bounded ? time.ns + kAgentsGrace : std::chrono::nanoseconds::max());
    const WorkerRequest worker = worker_request(options, program, link, std::move(payload));
    auto life = execute_agent(options, stage);
    RemoteLife& remote = *life;
    process::Child child(std::move(life), nullptr);  // whose destructor ends the agent
    stage = StartStage::handshake;
    std::vector<int> fds(link.fds.begin(), link.fds.end());
    if (program.file) fds.push_back(program.file.get());
    (void)send_message(remote.socket(), to_bytes(near_request(options, link, program, worker)), fds, deadline);
    const StartAnswer answer = await_answer(remote, deadline);
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
