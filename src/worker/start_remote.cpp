// The start of a worker on another machine: host and worker each have a link to an agent on their own.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "messenger/core.hpp"
#include "os/file.hpp"
#include "os/fork_guard.hpp"
#include "process/code_ref.hpp"
#include "process/fork_server.hpp"
#include "process/start_stage.hpp"
#include "process/this_program.hpp"
#include "remote/messages.hpp"
#include "remote/near_agent.hpp"
#include "remote/trunk.hpp"
#include "worker/run_request.hpp"
#include "worker/state.hpp"

namespace coproc::inline v0 {

namespace {

/// Throws InvalidArgumentError for what only a process of this machine can have.
void check_plan(const detail::StartPlan& plan, const WorkerOptions& options) {
  const auto refuse = [&](const std::string& what) {
    throw InvalidArgumentError("worker \"" + process::name_of_worker(options) + "\" cannot be started on \"" +
                               options.machine->name() + "\": " + what);
  };
  const bool is_executable = plan.executable != nullptr;
  const bool fits = options.method == StartMethod::automatic ||
                    options.method == (is_executable ? StartMethod::executable : StartMethod::spawn);
  if (!fits) {
    refuse(is_executable ? "a target of type Executable can only be started by StartMethod::executable"
                         : "this program is executed anew there: use StartMethod::automatic or StartMethod::spawn");
  }
  if (!is_executable && plan.run_received == nullptr) refuse(std::string(plan.obstacle));
  if (!plan.handed_over.empty()) {
    refuse(
        "a messenger among its arguments has its other end on this machine: let it send and receive through its host");
  }
}

/// Without a build id its targets cannot be found in it anyway, as the error about that says.
bool ships_program(const Machine& machine) {
  return machine.launcher().ships && machine.options().agent_there.empty() && machine.options().program_there.empty() &&
         !process::own_build_id().empty();
}

/// Throws StartReport, std::system_error.
remote::RemoteProgram program_of(const detail::StartPlan& plan, const Machine& machine) {
  remote::RemoteProgram program;
  if (plan.executable != nullptr) {
    program = {true, plan.executable->path, plan.executable->arguments};
    if (!machine.options().program_there.empty()) program.path = machine.options().program_there;
    return program;
  }
  process::refuse_before_take_over();
  const os::Program own = process::this_program(process::kSpawnRole, {});
  program = {false, own.path, own.arguments};
  if (ships_program(machine)) {
    program.build_id = process::own_build_id();
    program.file = os::open_file(own.path.c_str(), O_RDONLY);
    program.arguments = {own.path, own.arguments.back()};  // of which the agent there replaces the first
    return program;
  }
  if (machine.options().program_there.empty()) {
    // There this path would lead to the agent, which resolves it.
    if (own.path.starts_with("/proc/self/")) {
      throw process::StartReport{process::StartStage::exec, ENOENT,
                                 "this program's file was replaced or removed since it was started, so that its path "
                                 "is not known there: give MachineOptions::program_there"};
    }
    return program;
  }
  program.path = machine.options().program_there;
  program.arguments = {program.path, own.arguments.back()};
  return program;
}

}  // namespace

void Worker::start_on_machine(const detail::StartPlan& plan) {
  State& state = this->state();
  check_plan(plan, state.options);
  remote::check_remote_options(state.options);
  state.starter.store(static_cast<long>(os::fork_generation()), std::memory_order_relaxed);  // relaxed: see started()
  try {
    WorkerOptions options = state.options;
    options.link.ring_bytes = std::min(options.link.ring_bytes, remote::kMostRingBytes);
    const remote::RemoteProgram program = program_of(plan, *options.machine);
    if (state.only_launches) {
      if (state.trunk) state.trunk->begin(options, program);
      return;
    }
    auto [run, core, agents_end] = make_link(options, state.reorders);
    capture_stderr_if_wanted(options, *run, core->underlying_link());
    if (program.is_executable) {
      run->program = program.path;
      run->program_identity = os::identity_of(program.path);
    }
    std::vector<int> fds;  // of the end that the near agent opens in place of the worker, which has one like it
    std::string payload =
        encode_request(plan, *agents_end, core->options(), options.report_crashes, state.supervisor, fds);
    run->child = remote::start_on_machine(options, program,
                                          {agents_end->end(), agents_end->fds_to_hand_over(), options.link.ring_bytes},
                                          std::move(payload), state.trunk.get());
    state.begin_started(std::move(run), std::move(core));
  } catch (const process::StartReport& report) {
    process::throw_start_error(report, state.options);
  } catch (const std::system_error& error) {
    process::throw_start_error(process::report_of(process::StartStage::link, error), state.options);
  }
}

}  // namespace coproc::inline v0
