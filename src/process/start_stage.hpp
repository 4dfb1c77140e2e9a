// The stages of a start, and how a failure in one of them becomes a StartError.
//
// Thread safety: values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "coproc/exit_status.hpp"
#include "coproc/options.hpp"
#include "sandbox/confine.hpp"

namespace coproc::inline v0::process {

enum class StartStage : std::int32_t {
  started,
  lifeline,
  fork,
  exec,
  fork_server,
  pidfd,
  standard_input,
  standard_output,
  standard_error,
  environment,
  working_directory,
  keep_fds,
  setup,
  sandbox,
  handshake,
  code,
  link,
  arguments,
};
/// As StartError::stage() gives it: "fork", "stdin", "working_directory", ...
const char* name_of(StartStage stage) noexcept;

/// The result of a start. Thrown if something went wrong, in the host or in the worker, and caught inside this layer:
/// it reaches throw_start_error() in the host.
struct StartReport {
  StartStage stage = StartStage::setup;
  std::int32_t error_number = 0;
  /// What failed and what to do; empty: the stage's own text is used.
  std::string text = {};
  /// The failed system call with its arguments and reason, if it is known; empty: error_number gives the reason.
  std::string call = {};
  /// The failure is that of the fork server, so that a start by `spawn` may succeed.
  bool may_be_spawned = false;
  /// What holds of the sandbox, if it started.
  sandbox::Applied applied = {};
};
/// The report of a system call that failed in this stage.
StartReport report_of(StartStage stage, const std::system_error& error);

/// Returns " (a limit ...?)" if that may be why a process could not be made; otherwise "".
const char* guess_at_processes(int error_number);

/// Returns what failed, why, and what to do.
std::string describe(const StartReport& report, const WorkerOptions& options);

/// `status`: how the worker's process ended, if it did so by itself.
[[noreturn]] void throw_start_error(const StartReport& report, const WorkerOptions& options,
                                    const std::optional<ExitStatus>& status = {});

std::string name_of_worker(const WorkerOptions& options);

/// Throws InvalidArgumentError for options that no start method can fulfil.
void check_options(const WorkerOptions& options);

}  // namespace coproc::inline v0::process
