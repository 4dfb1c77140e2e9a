#include "process/fork_start.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "coproc/errors.hpp"
#include "os/clock.hpp"
#include "os/pidfd.hpp"
#include "os/poll.hpp"
#include "os/reap.hpp"
#include "os/signals.hpp"
#include "process/child_setup.hpp"
#include "process/lifeline.hpp"
#include "process/standard_streams.hpp"
#include "process/start_channel.hpp"

namespace coproc::inline v0::process {

namespace {

std::string name_of_worker(const WorkerOptions& options) { return options.name.empty() ? "worker" : options.name; }

std::string text_of(const Stdio& stdio) {
  if (const auto* file = std::get_if<OutputFile>(&stdio)) return "the file \"" + file->path + "\" could not be opened";
  if (const auto* fd = std::get_if<FileDescriptor>(&stdio)) {
    return "the descriptor " + std::to_string(fd->fd) + " could not be used (is it open?)";
  }
  return "/dev/null could not be opened";
}

/// What failed, in words that name the option to look at.
std::string text_of(StartStage stage, const WorkerOptions& options) {
  switch (stage) {
    case StartStage::lifeline:
      return "no descriptors for it could be made";
    case StartStage::fork:
      return "the system refused to fork (a limit on processes or memory?)";
    case StartStage::pidfd:
      return "no descriptor for its process could be opened";
    case StartStage::standard_input:
      return "WorkerOptions::stdin_: " + text_of(options.stdin_);
    case StartStage::standard_output:
      return "WorkerOptions::stdout_: " + text_of(options.stdout_);
    case StartStage::standard_error:
      return "WorkerOptions::stderr_: " + text_of(options.stderr_);
    case StartStage::environment:
      return "WorkerOptions::env has a variable that cannot be set (an empty name, or one with '='?)";
    case StartStage::working_directory:
      return "WorkerOptions::working_directory: \"" + options.working_directory + "\" could not be entered";
    case StartStage::keep_fds:
      return "WorkerOptions::keep_fds: one of them is not open, or the others could not be closed";
    case StartStage::started:
    case StartStage::setup:
      break;
  }
  return "setting up its process failed";
}

[[noreturn]] void throw_start_error(StartStage stage, int error_number, const WorkerOptions& options) {
  std::string text = '"' + name_of_worker(options) + "\" could not be started: " + text_of(stage, options);
  if (error_number != 0) text += ": " + std::generic_category().message(error_number);
  throw StartError(name_of(stage), error_number, text);
}

// ---- the worker's side ----

void set_up(const WorkerOptions& options, std::span<os::ForkSensitive* const> kept, Lifeline& lifeline,
            StartReport& report) {
  report.stage = StartStage::setup;
  os::reset_signals_in_child();
  report.stage = StartStage::lifeline;
  lifeline.stay_with_worker();
  set_up_child(options, os::list_fds(kept), report.stage);
  report = {StartStage::started, 0};
}

[[noreturn]] void run_worker(const WorkerOptions& options, std::span<os::ForkSensitive* const> kept, Lifeline& lifeline,
                             StartChannel& channel, FunctionRef<int()> body) noexcept {
  channel.become_worker();
  end_worker_at_exit();
  StartReport report;
  try {
    set_up(options, kept, lifeline, report);
  } catch (const std::system_error& error) {
    report.error_number = error.code().value();
  } catch (...) {
    report.error_number = ENOMEM;
  }
  if (!channel.report(report) || report.stage != StartStage::started) end_worker(1);

  int code = 1;
  try {
    code = body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coproc: %s left the worker's body: %s\n", options.name.c_str(), error.what());
    end_worker(1);
  } catch (...) {
    // Also pthread_exit() of the worker's first thread, which unwinds and must not be caught for good: this does not
    // return.
    end_worker(1);
  }
  end_worker(code);
}

// ---- the host's side ----

/// Gives the child its owner. Where that fails, the child is ended and reaped.
Child own(pid_t pid, std::unique_ptr<Lifeline> lifeline) {
  const os::ForkLock no_fork_before_it_is_registered;
  os::Pidfd pidfd;
  try {
    pidfd = os::Pidfd::open(pid);
  } catch (const std::system_error& error) {
    // ESRCH: the program ignores SIGCHLD or waits for every child, and something killed the worker at once. The pid may
    // belong to another process by now.
    if (error.code().value() != ESRCH) os::kill_and_reap(pid);
    throw;
  }
  lifeline->stay_with_host();
  return Child(pid, std::move(pidfd), std::move(lifeline));
}

StartReport hear_from(const Child& child, StartChannel& channel, const os::Deadline& deadline) {
  if (!channel.let_go()) return {StartStage::setup, 0};
  pollfd fds[2] = {{channel.host_fd(), POLLIN, 0}, {child.wait_fd(), POLLIN, 0}};
  os::PollEnd end;
  do {
    end = os::poll_once(fds, deadline);
  } while (end == os::PollEnd::interrupted && !deadline.passed());
  if (end != os::PollEnd::ready) return {StartStage::setup, ETIMEDOUT};
  return channel.receive().value_or(StartReport{});
}

void check_options(const WorkerOptions& options) {
  if (std::holds_alternative<OutputFile>(options.stdin_)) {
    throw InvalidArgumentError(
        "WorkerOptions::stdin_ cannot be an OutputFile: open the file and pass a FileDescriptor");
  }
}

}  // namespace

Child start_by_fork(const WorkerOptions& options, std::span<os::ForkSensitive* const> keep, FunctionRef<int()> body) {
  check_options(options);
  const os::Deadline deadline(options.start_timeout.ns);
  StartStage stage = StartStage::lifeline;
  StartReport report;
  try {
    auto lifeline = std::make_unique<Lifeline>();
    StartChannel channel;
    std::vector<os::ForkSensitive*> kept(keep.begin(), keep.end());
    kept.insert(kept.end(), {lifeline.get(), &channel});
    flush_standard_streams();

    stage = StartStage::fork;
    pid_t pid;
    {
      const os::SignalBlock until_the_child_has_its_own_handlers;
      pid = os::fork_keeping(kept);
      if (pid == 0) run_worker(options, kept, *lifeline, channel, body);
    }
    channel.become_host();
    stage = StartStage::pidfd;
    Child child = own(pid, std::move(lifeline));
    stage = StartStage::setup;
    report = hear_from(child, channel, deadline);
    if (report.stage == StartStage::started) return child;
  } catch (const std::system_error& error) {
    throw_start_error(stage, error.code().value(), options);
  }
  throw_start_error(report.stage, report.error_number, options);
}

}  // namespace coproc::inline v0::process
