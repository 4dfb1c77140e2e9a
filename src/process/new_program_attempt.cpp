#include "process/new_program_attempt.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "os/file.hpp"
#include "os/poll.hpp"
#include "process/local_life.hpp"
#include "process/standard_streams.hpp"
#include "process/take_over.hpp"
#include "process/this_program.hpp"

namespace coproc::inline v0::process {

namespace {

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

}  // namespace

/// Runs a part of the start. Throws StartReport instead of std::system_error.
template <class Step>
auto NewProgramStart::Attempt::naming_stage(Step step) {
  try {
    return step();
  } catch (const std::system_error& error) {
    throw report_of(stage_, error);
  }
}

NewProgramStart::Attempt::~Attempt() {
  if (!asked_ || !channel_->host_end()) return;  // a child that this process forked has no end of the channel
  try {
    (void)naming_stage([&] { return take_fork(); });  // which the destructor of child_ ends
  } catch (...) {
    // There is no process, or it ends by itself, since nobody answers it.
  }
  channel_->hang_up();  // so that also one ends which this process may not kill, since it has other rights by now
}

void NewProgramStart::Attempt::ask_server(RightsCompared compared) {
  naming_stage([&] {
    refuse_before_take_over();
    stage_ = StartStage::lifeline;
    channel_.emplace();
    stage_ = StartStage::fork_server;
    asked_ = ask_for_fork(*channel_, compared, deadline_);
  });
}

bool NewProgramStart::Attempt::ask(const WorkerOptions& options, const NewProgram& program, StartRequest& request,
                                   std::span<const int> fds, RightsCompared compared) {
  return naming_stage([&] {
    refuse_before_take_over();
    const bool is_fork = program.method == StartMethod::fork_server;
    if (is_fork && !asked_) ask_server(compared);  // first, so that it forks while the rest is made here
    inherited_.emplace(options, stage_);
    stage_ = StartStage::lifeline;
    lifeline_ = std::make_unique<Lifeline>();
    Lifeline& lifeline = *lifeline_;
    std::vector<std::string> environment = environment_for(options);
    request.environment.reset();  // an earlier attempt may have set it
    flush_standard_streams();
    if (is_fork) {
      stage_ = StartStage::fork_server;
      if (compared == RightsCompared::later && !may_begin(*asked_, deadline_)) return false;
      if (!has_environment(*asked_, environment)) request.environment = std::move(environment);
    } else {
      launch(program, std::move(environment));
    }
    send(options, request, fds, lifeline);
    return true;
  });
}

NewProgramStart::Attempt::Look NewProgramStart::Attempt::look() {
  return naming_stage([&] {
    if (asked_) {
      if (waits_for_fork() && !deadline_.passed()) return Look::waits;
      if (!take_fork()) return Look::server_has_ended;
    }
    stage_ = StartStage::handshake;
    StderrTail* const tail = error_output_ ? &*error_output_ : nullptr;
    if (!report_) report_.emplace(child_, *channel_, deadline_, tail);
    auto outcome = report_->look();
    if (!outcome) return Look::waits;
    outcome_ = *std::move(outcome);
    if (tail != nullptr && outcome_.report.stage == StartStage::started) {
      os::write_all(inherited_->standard(STDERR_FILENO), tail->text());
    }
    return Look::has_outcome;
  });
}

void NewProgramStart::Attempt::launch(const NewProgram& program, std::vector<std::string> environment) {
  channel_.emplace();
  error_output_.emplace();  // if the start fails, the error quotes what the program printed before
  stage_ = StartStage::exec;
  os::Program executed;
  if (program.method == StartMethod::spawn && program.path.empty()) {
    executed = this_program(kSpawnRole, std::move(environment));
  } else if (program.method == StartMethod::spawn) {
    executed.path = program.path;
    executed.arguments = program.arguments;
    executed.environment = std::move(environment);
    executed.environment.push_back(std::string(kMarker) + '=' + kSpawnRole);
  } else {
    refuse_with_other_rights();
    executed.path = program.path;
    executed.arguments = program.arguments;
    executed.arguments.insert(executed.arguments.begin(), program.path);
    executed.environment = std::move(environment);
    executed.environment.push_back(std::string(kMarker) + '=' + kExecutableRole);
    executed.blocks_signals = false;
  }
  executed.input = inherited_->standard(STDIN_FILENO);
  executed.output = inherited_->standard(STDOUT_FILENO);
  executed.working_directory = inherited_->working_directory();
  const pid_t pid = execute(executed, channel_->worker_end(), error_output_->write_fd());
  stage_ = StartStage::pidfd;
  child_ = take_charge(pid, *channel_, deadline_, std::move(lifeline_));
  channel_->keep_host_end();
  error_output_->keep_host_end();
}

void NewProgramStart::Attempt::send(const WorkerOptions& options, const StartRequest& request, std::span<const int> fds,
                                    Lifeline& lifeline) {
  std::vector<int> sent{inherited_->standard(STDIN_FILENO), inherited_->standard(STDOUT_FILENO),
                        inherited_->standard(STDERR_FILENO), inherited_->working_directory(),
                        lifeline.read_end().get()};
  sent.insert(sent.end(), options.keep_fds.begin(), options.keep_fds.end());
  sent.insert(sent.end(), fds.begin(), fds.end());
  stage_ = StartStage::handshake;
  (void)send_start_request(channel_->host_end(), request, sent, deadline_);  // look() sees whether it has ended
  lifeline.keep_host_end();
}

bool NewProgramStart::Attempt::waits_for_fork() const {
  const std::array<int, 3> fds = fds_of(*asked_, *channel_);
  pollfd entries[3] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}, {fds[2], POLLIN, 0}};
  return os::poll_once(entries, os::Deadline(std::chrono::seconds(0))) != os::PollEnd::ready;
}

/// Makes the fork that was asked for `child_`. False: the fork server has ended.
bool NewProgramStart::Attempt::take_fork() {
  stage_ = StartStage::fork_server;
  const AskedFork asked = *std::exchange(asked_, std::nullopt);
  auto worker = await_fork(asked, *channel_, deadline_);
  if (!worker) return false;
  const os::ForkLock no_fork_before_it_is_registered;
  child_ = Child(std::make_unique<LocalLife>(worker->pid, std::move(worker->pidfd)), std::move(lifeline_));
  return true;
}

}  // namespace coproc::inline v0::process
