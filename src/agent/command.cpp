#include "agent/command.hpp"

#include <cerrno>
#include <memory>
#include <system_error>

#include "os/find_program.hpp"
#include "os/reap.hpp"
#include "os/spawn.hpp"
#include "process/local_life.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::agent {

process::Child execute_command(const std::vector<std::string>& command, const std::string& role, const os::Fd& input,
                               const os::Fd& output, const os::Fd& errors) {
  const auto path = os::find_program(command.front());
  if (!path) {
    throw process::StartReport{process::StartStage::exec, ENOENT,
                               role + ", the program \"" + command.front() + "\", is not in PATH"};
  }
  os::Program program;
  program.path = *path;
  program.arguments = command;
  program.environment = os::environment();
  program.input = input.get();
  program.output = output.get();
  program.blocks_signals = false;
  program.leads_group = true;
  pid_t pid = 0;
  try {
    pid = os::spawn(program, os::Fd(), errors.get());
  } catch (const std::system_error& error) {
    throw process::StartReport{process::StartStage::exec, error.code().value(),
                               role + ", the program \"" + program.path + "\", could not be executed"};
  }
  try {
    return process::Child(std::make_unique<process::LocalLife>(pid, os::Pidfd::open(pid)), nullptr);
  } catch (const std::system_error&) {
    os::kill_and_reap(pid);
    throw;
  }
}

}  // namespace coproc::inline v0::agent
