#include "process/inherited.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include "os/process_state.hpp"
#include "os/spawn.hpp"

namespace coproc::inline v0::process {

namespace {

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

}  // namespace

Inherited::Inherited(const WorkerOptions& options, StartStage& stage)
    : opened_(open_standard_descriptors(options, stage)) {
  stage = StartStage::working_directory;
  working_directory_ = open_working_directory(options);
  stage = StartStage::keep_fds;
  for (const int fd : options.keep_fds) {
    if (!os::is_open(fd)) throw StartReport{stage, EBADF};
  }
}

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

}  // namespace coproc::inline v0::process
