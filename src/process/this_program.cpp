#include "process/this_program.hpp"

#include <system_error>
#include <utility>

#include "os/own_program.hpp"
#include "os/process_state.hpp"
#include "process/start_stage.hpp"
#include "process/take_over.hpp"

namespace coproc::inline v0::process {

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

}  // namespace coproc::inline v0::process
