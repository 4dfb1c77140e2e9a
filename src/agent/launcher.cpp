#include "agent/launcher.hpp"

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "os/find_program.hpp"
#include "os/reap.hpp"
#include "os/spawn.hpp"
#include "process/local_life.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::agent {

namespace {

constexpr int kPipeBytes = 1 << 20;
/// ssh and the like clean up when their stdin has ended. A signal would keep them from it.
constexpr std::chrono::seconds kToEndByItself{5};
constexpr std::chrono::seconds kToEndBySignal{2};

process::Child execute(const std::vector<std::string>& command, const os::Pipe& input, const os::Pipe& output,
                       const os::Pipe& errors) {
  const auto path = os::find_program(command.front());
  if (!path) {
    throw process::StartReport{process::StartStage::exec, ENOENT,
                               "its launcher, the program \"" + command.front() + "\", is not in PATH"};
  }
  os::Program program;
  program.path = *path;
  program.arguments = command;
  program.environment = os::environment();
  program.input = input.read_end.get();
  program.output = output.write_end.get();
  program.blocks_signals = false;
  program.leads_group = true;
  pid_t pid = 0;
  try {
    pid = os::spawn(program, os::Fd(), errors.write_end.get());
  } catch (const std::system_error& error) {
    throw process::StartReport{process::StartStage::exec, error.code().value(),
                               "its launcher, the program \"" + program.path + "\", could not be executed"};
  }
  try {
    return process::Child(std::make_unique<process::LocalLife>(pid, os::Pidfd::open(pid)), nullptr);
  } catch (const std::system_error&) {
    os::kill_and_reap(pid);
    throw;
  }
}

}  // namespace

Launcher::Launcher(const std::vector<std::string>& command)
    : input_(os::Pipe::create_for_input()),
      output_(os::Pipe::create_for_output(kPipeBytes)),
      errors_(os::Pipe::create_for_output(kPipeBytes)),
      child_(execute(command, input_, output_, errors_)) {
  input_.read_end.reset();
  output_.write_end.reset();
  errors_.write_end.reset();
}

void Launcher::begin_end(bool has_failed) noexcept {
  if (has_failed) child_.kill_group_at_end();
  if (!until_) until_.emplace(kToEndByItself);
}

void Launcher::hurry() noexcept { until_.emplace(std::chrono::seconds(0)); }

void Launcher::kill_at_once() {
  begin_end(true);
  child_.kill();
  signals_ = 2;
}

std::optional<ExitStatus> Launcher::look() {
  if (auto status = child_.try_reap()) return status;
  if (!until_ || !until_->passed()) return std::nullopt;
  signals_++ == 0 ? child_.terminate() : child_.kill();
  until_.emplace(kToEndBySignal);
  return std::nullopt;
}

std::chrono::nanoseconds Launcher::look_in() const noexcept {
  return until_ ? until_->remaining() : std::chrono::nanoseconds::max();
}

}  // namespace coproc::inline v0::agent
