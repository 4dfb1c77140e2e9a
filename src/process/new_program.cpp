#include "process/new_program.hpp"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/own_program.hpp"
#include "os/process_state.hpp"
#include "os/processors.hpp"
#include "os/signals.hpp"
#include "process/await_start.hpp"
#include "process/fork_server.hpp"
#include "process/lifeline.hpp"
#include "process/local_life.hpp"
#include "process/standard_descriptors.hpp"
#include "process/standard_streams.hpp"
#include "process/start_channel.hpp"
#include "process/start_request.hpp"
#include "process/stderr_tail.hpp"
#include "process/take_over.hpp"
#include "process/worker_identity.hpp"

namespace coproc::inline v0::process {

namespace {

/// The host's environment with WorkerOptions::env applied. Throws StartReport.
std::vector<std::string> environment_for(const WorkerOptions& options) {
  std::vector<std::string> variables = os::environment();
  for (const auto& [name, value] : options.env) {
    if (name.empty() || name.find('=') != std::string::npos) throw StartReport{StartStage::environment, EINVAL};
    const std::string prefix = name + '=';
    std::erase_if(variables, [&](const std::string& variable) { return variable.starts_with(prefix); });
    if (value) variables.push_back(prefix + *value);
  }
  return variables;
}

/// The host's directory, or the one that the options ask for. If the host's user may not enter its directory, or if
/// that has been removed, workers begin in the root directory.
os::Fd open_working_directory(const WorkerOptions& options) {
  if (!options.working_directory.empty()) return os::open_directory(options.working_directory.c_str());
  try {
    return os::open_directory(".");
  } catch (const std::system_error& error) {
    const int reason = error.code().value();
    if (reason != EACCES && reason != EPERM && reason != ENOENT && reason != ESTALE && reason != ENOTCONN) throw;
    return os::open_directory("/");
  }
}

/// Everything that the worker gets from the host. It is opened here, so that it is the host's as it is now.
struct Inherited {
  StandardDescriptors opened;
  os::Fd working_directory;

  Inherited(const WorkerOptions& options, StartStage& stage) : opened(open_standard_descriptors(options, stage)) {
    stage = StartStage::working_directory;
    working_directory = open_working_directory(options);
    stage = StartStage::keep_fds;
    for (const int fd : options.keep_fds) {
      if (!os::is_open(fd)) throw StartReport{stage, EBADF};
    }
  }

  int standard(int number) const {
    const os::Fd& fd = opened[static_cast<std::size_t>(number)];
    return fd ? fd.get() : number;  // not opened here: the host's own
  }
};

StartRequest request_for(const WorkerOptions& options, std::string payload) {
  StartRequest request;
  request.name = name_of_worker(options);
  request.host_pid = ::getpid();
  const WorkerIdentity identity = new_identity(options);
  request.number = identity.number;
  request.seed = identity.seed;
  request.keep_fds = options.keep_fds;
  request.leads_group = options.kill_descendants;
  request.ignored_signals = os::ignored_signals();
  request.heeds_signals_of_others = options.heed_signals_of_others;
  const cpu_set_t processors = os::allowed_processors();
  request.processors.assign(reinterpret_cast<const char*>(&processors), sizeof processors);
  request.payload = std::move(payload);
  return request;
}

/// Throws a StartReport that names the program.
pid_t execute(const os::Program& program, const os::Fd& control, int error_output) {
  try {
    return os::spawn(program, control, error_output);
  } catch (const std::system_error& error) {
    const int reason = error.code().value();
    std::string text = "its program \"" + program.path + "\" could not be executed" + guess_at_processes(reason);
    if (reason == ENOENT && os::id_of_path(program.path.c_str())) {
      text += ", since the interpreter or loader that it names is missing";
    }
    throw StartReport{StartStage::exec, reason, std::move(text)};
  }
}

/// Starts the process, which has been told nothing yet.
Child launch(const WorkerOptions& options, const NewProgram& program, const Inherited& inherited, StartChannel& channel,
             std::unique_ptr<Lifeline> lifeline, StderrTail* error_output, StartRequest& request,
             const os::Deadline& deadline, StartStage& stage) {
  std::vector<std::string> environment = environment_for(options);
  if (program.method == StartMethod::fork_server) {
    stage = StartStage::fork_server;
    ForkedWorker worker = start_in_fork_server(channel.worker_end(), environment, deadline);
    if (!worker.has_environment) request.environment = std::move(environment);
    const os::ForkLock no_fork_before_it_is_registered;
    return Child(std::make_unique<LocalLife>(worker.pid, std::move(worker.pidfd)), std::move(lifeline));
  }
  stage = StartStage::exec;
  os::Program executed;
  if (program.method == StartMethod::spawn) {
    executed = this_program(kSpawnRole, std::move(environment));
  } else {
    refuse_with_other_rights();
    executed.path = program.path;
    executed.arguments = program.arguments;
    executed.arguments.insert(executed.arguments.begin(), program.path);
    executed.environment = std::move(environment);
    executed.environment.push_back(std::string(kMarker) + '=' + kExecutableRole);
    executed.blocks_signals = false;
  }
  executed.input = inherited.standard(STDIN_FILENO);
  executed.output = inherited.standard(STDOUT_FILENO);
  executed.working_directory = inherited.working_directory.get();
  const pid_t pid = execute(executed, channel.worker_end(), error_output->write_fd());
  stage = StartStage::pidfd;
  return take_charge(pid, channel, deadline, std::move(lifeline));
}

}  // namespace

void refuse_before_take_over() {
  if (!awaits_take_over()) return;
  throw StartReport{
      StartStage::exec, 0,
      "this process was itself executed to become a worker or fork server, and a static initialiser starts a "
      "worker in it, as would every one of its workers: start workers in main, or later"};
}

void refuse_with_other_rights() {
  if (!os::gives_other_rights()) return;
  throw StartReport{
      StartStage::exec, 0,
      "this process has another effective than real user or group, or its program is set-user-ID or has "
      "capabilities of its file: a program that it executes so does not believe the start request, which somebody "
      "else may have made. Make user and group equal first, give capabilities otherwise (ambient ones, by systemd or "
      "setpriv), or choose StartMethod::fork"};
}

os::Program this_program(const char* role, std::vector<std::string> environment) {
  refuse_with_other_rights();
  if (!can_be_taken_over()) {
    throw StartReport{StartStage::exec, 0,
                      "a new process of this program could not be taken over by coproc: link coproc into the program "
                      "itself, call coproc::init(argc, argv) first in main (as static programs must), or choose "
                      "StartMethod::fork"};
  }
  os::Command command;
  try {
    command = os::own_command();
  } catch (const std::system_error& error) {
    throw StartReport{
        StartStage::exec, error.code().value(),
        "the file of this program cannot be found: there is no /proc here, and the file is not (or not any "
        "more) where it was executed from. Mount /proc, or choose StartMethod::fork"};
  }
  os::Program program;
  program.path = std::move(command.path);
  program.arguments = std::move(command.arguments);
  program.arguments.push_back(std::string("coproc:") + role);
  program.environment = std::move(environment);
  program.environment.push_back(std::string(kMarker) + '=' + role);
  return program;
}

namespace {

/// Makes one attempt to start. If it fails, the outcome has the reason; otherwise `child` is the worker.
StartOutcome attempt(const WorkerOptions& options, const NewProgram& program, StartRequest& request,
                     std::span<const int> fds, const os::Deadline& deadline, Child& child) {
  StartStage stage = StartStage::setup;
  try {
    refuse_before_take_over();
    const Inherited inherited(options, stage);
    stage = StartStage::lifeline;
    auto own_lifeline = std::make_unique<Lifeline>();
    Lifeline& lifeline = *own_lifeline;
    StartChannel channel;
    // If the start fails, the error quotes what the program printed before. A worker of the fork server prints nothing
    // before its report.
    std::optional<StderrTail> error_output;
    if (program.method != StartMethod::fork_server) error_output.emplace();
    StderrTail* const tail = error_output ? &*error_output : nullptr;
    flush_standard_streams();

    Child started =
        launch(options, program, inherited, channel, std::move(own_lifeline), tail, request, deadline, stage);
    channel.keep_host_end();
    if (tail != nullptr) tail->keep_host_end();

    std::vector<int> sent{inherited.standard(STDIN_FILENO), inherited.standard(STDOUT_FILENO),
                          inherited.standard(STDERR_FILENO), inherited.working_directory.get(),
                          lifeline.read_end().get()};
    sent.insert(sent.end(), options.keep_fds.begin(), options.keep_fds.end());
    sent.insert(sent.end(), fds.begin(), fds.end());
    stage = StartStage::handshake;
    (void)send_start_request(channel.host_end(), request, sent, deadline);  // await_start() sees whether it has ended
    lifeline.keep_host_end();
    StartOutcome outcome = await_start(started, channel, deadline, tail);
    if (outcome.report.stage == StartStage::started) {
      if (tail != nullptr) os::write_all(inherited.standard(STDERR_FILENO), tail->text());
      child = std::move(started);
    }
    return outcome;
  } catch (const StartReport& report) {
    return {report, {}};
  } catch (const std::system_error& error) {
    return {report_of(stage, error), {}};
  }
}

}  // namespace

StartedProgram start_in_new_program(const WorkerOptions& options, const NewProgram& program, std::string payload,
                                    std::span<const int> fds) {
  check_options(options);
  const os::Deadline deadline(options.start_timeout.ns);
  StartedProgram started;
  StartOutcome outcome;
  try {
    StartRequest request = request_for(options, std::move(payload));
    const bool may_be_spawned = program.method == StartMethod::fork_server && program.may_be_spawned;
    if (may_be_spawned) started.note = no_fork_server();
    if (started.note.empty()) outcome = attempt(options, program, request, fds, deadline, started.child);
    if (may_be_spawned && outcome.report.may_be_spawned) started.note = describe(outcome.report, options);
    if (!started.note.empty()) {
      request.environment.reset();
      outcome = attempt(options, {.method = StartMethod::spawn}, request, fds, deadline, started.child);
      if (!started.child) {
        outcome.report.text = describe(outcome.report, options) + "; it was tried by spawn, since " + started.note;
        outcome.report.error_number = 0;
      }
    }
  } catch (const std::system_error& error) {
    throw_start_error(report_of(StartStage::setup, error), options);
  }
  if (started.child) return started;
  throw_start_error(outcome.report, options, outcome.status);
}

}  // namespace coproc::inline v0::process
