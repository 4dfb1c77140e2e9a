#include "process/start_stage.hpp"

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <string>

#include "coproc/errors.hpp"
#include "os/memory.hpp"
#include "os/namespaces.hpp"
#include "sandbox/limits.hpp"

namespace coproc::inline v0::process {

const char* name_of(StartStage stage) noexcept {
  switch (stage) {
    case StartStage::started:
      return "started";
    case StartStage::lifeline:
      return "lifeline";
    case StartStage::fork:
      return "fork";
    case StartStage::exec:
      return "exec";
    case StartStage::fork_server:
      return "fork_server";
    case StartStage::pidfd:
      return "pidfd";
    case StartStage::standard_input:
      return "stdin";
    case StartStage::standard_output:
      return "stdout";
    case StartStage::standard_error:
      return "stderr";
    case StartStage::environment:
      return "environment";
    case StartStage::working_directory:
      return "working_directory";
    case StartStage::keep_fds:
      return "keep_fds";
    case StartStage::setup:
      return "setup";
    case StartStage::sandbox:
      return "sandbox";
    case StartStage::handshake:
      return "handshake";
    case StartStage::code:
      return "code";
    case StartStage::link:
      return "link";
    case StartStage::arguments:
      return "arguments";
  }
  return "setup";
}

namespace {

std::string text_of(const Stdio& stdio) {
  if (const auto* file = std::get_if<OutputFile>(&stdio)) return "the file \"" + file->path + "\" could not be opened";
  if (const auto* fd = std::get_if<FileDescriptor>(&stdio)) {
    return "the descriptor " + std::to_string(fd->fd) + " could not be used (is it open?)";
  }
  return "/dev/null could not be opened";
}

bool is_any_of(int number, std::initializer_list<int> numbers) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

/// The kernel reports ENOMEM if the PID namespace of the children is dead.
bool has_dead_namespace(int error_number) {
  return error_number == ENOMEM && os::gives_children_another_pid_namespace();
}

/// A guess at the limit, if the system only says that something is short.
const char* guess(const StartReport& report) {
  if (report.stage == StartStage::link || report.stage == StartStage::lifeline) {
    if (is_any_of(report.error_number, {EAGAIN, ENOMEM}) && os::is_bounded_by_locked_memory()) {
      return " (all memory of this process is locked, by mlockall, under a limit: RLIMIT_MEMLOCK, ulimit -l)";
    }
    const bool is_limit = is_any_of(report.error_number, {EMFILE, ENFILE, ENOMEM, EFBIG, ENOSPC, EDQUOT});
    return is_limit ? " (a limit on descriptors, memory or file sizes?)" : "";
  }
  return guess_at_processes(report.error_number);
}

/// What failed, naming the option to look at.
std::string text_of(StartStage stage, const WorkerOptions& options) {
  switch (stage) {
    case StartStage::lifeline:
      return "no descriptors for it could be made";
    case StartStage::fork:
      return "the system refused to fork";
    case StartStage::exec:
      return "its program could not be executed";
    case StartStage::fork_server:
      return "the fork server could not be used; StartMethod::spawn does without it";
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
    case StartStage::sandbox:
      return "WorkerOptions::sandbox and limits: its process could not be confined";
    case StartStage::handshake:
      return "it gave no sign of life in WorkerOptions::start_timeout";
    case StartStage::link:
      return "setting up its link failed";
    case StartStage::started:
    case StartStage::setup:
    case StartStage::code:
    case StartStage::arguments:
      break;
  }
  return "setting up its process failed";
}

}  // namespace

std::string name_of_worker(const WorkerOptions& options) { return options.name.empty() ? "worker" : options.name; }

StartReport report_of(StartStage stage, const std::system_error& error) {
  return {stage, error.code().value(), {}, error.what()};
}

const char* guess_at_processes(int error_number) {
  const bool is_shortage = is_any_of(error_number, {EAGAIN, ENOMEM});
  return is_shortage && !has_dead_namespace(error_number) ? " (a limit on processes or memory?)" : "";
}

std::string describe(const StartReport& report, const WorkerOptions& options) {
  std::string text = report.text.empty() ? text_of(report.stage, options) + guess(report) : report.text;
  const bool is_of_process =
      report.stage == StartStage::fork || report.stage == StartStage::exec || report.stage == StartStage::fork_server;
  if (!report.call.empty()) {
    text += ": " + report.call;
  } else if (report.error_number != 0) {
    const std::string reason = ": " + std::generic_category().message(report.error_number);
    if (!text.ends_with(reason)) text += reason;
  }
  if (is_of_process && has_dead_namespace(report.error_number)) {
    text +=
        "; this process gives its children another PID namespace (unshare, setns), and such a one ends for good with "
        "the first process in it";
  }
  return text;
}

void throw_start_error(const StartReport& report, const WorkerOptions& options,
                       const std::optional<ExitStatus>& status) {
  std::string text = '"' + name_of_worker(options) + "\" could not be started: ";
  text += describe(report, options);
  throw StartError(name_of(report.stage), report.error_number, text, status);
}

void check_options(const WorkerOptions& options) {
  if (std::holds_alternative<OutputFile>(options.stdin_)) {
    throw InvalidArgumentError(
        "WorkerOptions::stdin_ cannot be an OutputFile: open the file and pass a FileDescriptor");
  }
  sandbox::check_limits(options.limits);
}

}  // namespace coproc::inline v0::process
