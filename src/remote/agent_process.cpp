#include "remote/agent_process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "os/file.hpp"
#include "os/find_program.hpp"
#include "os/reap.hpp"
#include "os/spawn.hpp"
#include "process/standard_descriptors.hpp"
#include "process/standard_streams.hpp"
#include "process/worker_identity.hpp"
#include "remote/conversation.hpp"

namespace coproc::inline v0::remote {

namespace {

using process::StartReport;
using process::StartStage;

/// The near agent ends a start that takes too long, and can say why. Only if it cannot even do that, the host does.
constexpr std::chrono::seconds kAgentsGrace{10};

/// Throws StartReport.
std::string path_of_agent(const Machine& machine) {
  if (auto path = os::find_program(machine.options().agent)) return *std::move(path);
  throw StartReport{StartStage::exec, ENOENT,
                    "its near agent, the program \"" + machine.options().agent +
                        "\" (MachineOptions::agent), is not in PATH: install coproc-agent, or give its path"};
}

}  // namespace

AgentProcess execute_agent(const WorkerOptions& options, const char* role, StartStage& stage) {
  stage = StartStage::exec;
  os::Program program;
  program.path = path_of_agent(*options.machine);
  program.arguments = {program.path, role};
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
  return {pid, std::move(pidfd), std::move(socket)};
}

LaunchRequest launch_request(const Machine& machine, std::string program_build_id) {
  LaunchRequest request;
  request.launcher = machine.launcher().command;
  request.uses_shell = machine.launcher().uses_shell;
  request.agent_there = machine.options().agent_there;
  if (request.agent_there.empty() && !machine.launcher().ships) request.agent_there = machine.options().agent;
  request.program_build_id = std::move(program_build_id);
  request.connects_back = machine.launcher().connects_back;
  request.first_port = machine.options().ports.first;
  request.last_port = machine.options().ports.last;
  return request;
}

os::Deadline with_agents_grace(std::chrono::nanoseconds start_timeout) {
  const bool is_bounded = start_timeout < std::chrono::hours(24 * 365);
  return os::Deadline(is_bounded ? start_timeout + kAgentsGrace : std::chrono::nanoseconds::max());
}

StartAnswer await_answer(const os::Fd& socket, const os::Deadline& deadline) {
  if (const auto message = receive_message(socket, deadline)) return read_answer(*message);
  throw StartReport{StartStage::handshake, deadline.passed() ? ETIMEDOUT : 0,
                    deadline.passed() ? "its near agent did not answer in WorkerOptions::start_timeout"
                                      : "its near agent ended without an answer"};
}

StartAnswer read_answer(const std::string& bytes) {
  try {
    return read_start_answer(bytes);
  } catch (const DecodeError& error) {
    throw StartReport{StartStage::handshake, 0,
                      std::string("its near agent gave an answer that is none: ") + error.what()};
  }
}

void throw_refusal(const StartAnswer& answer, const WorkerOptions& options) {
  std::optional<ExitStatus> status;
  if (answer.end) status = status_of(*answer.end, options.machine->name());
  throw StartError(answer.stage, answer.error,
                   '"' + process::name_of_worker(options) + "\" could not be started on \"" +
                       detail::in_one_line(options.machine->name()) + "\": " + detail::in_lines(answer.text, "    "),
                   status);
}

}  // namespace coproc::inline v0::remote
