#include "process/child_setup.hpp"

#include <stdlib.h>

#include <cerrno>
#include <vector>

#include "os/error.hpp"
#include "os/process_state.hpp"
#include "process/standard_descriptors.hpp"

namespace coproc::inline v0::process {

namespace {

void set_environment(const WorkerOptions& options) {
  for (const auto& [name, value] : options.env) {
    if (value) {
      if (::setenv(name.c_str(), value->c_str(), 1) != 0) os::throw_errno("setenv", name, *value);
    } else {
      if (::unsetenv(name.c_str()) != 0) os::throw_errno("unsetenv", name);
    }
  }
}

void close_other_fds(const WorkerOptions& options, std::span<const int> kept) {
  std::vector<int> keep(kept.begin(), kept.end());
  for (const int fd : options.keep_fds) {
    if (!os::is_open(fd)) {
      errno = EBADF;
      os::throw_errno("fcntl", fd, "F_GETFD");
    }
    keep.push_back(fd);
  }
  os::close_all_fds_except(keep);
}

}  // namespace

void set_up_child(const WorkerOptions& options, std::span<const int> kept, StartStage& stage) {
  // All three are opened before the first is put in its place, since each may be another's source.
  put_standard_descriptors(open_standard_descriptors(options, stage), stage);
  stage = StartStage::environment;
  set_environment(options);
  stage = StartStage::working_directory;
  if (!options.working_directory.empty()) os::change_directory(options.working_directory.c_str());
  stage = StartStage::keep_fds;
  if (!options.inherit_fds || options.sandbox) close_other_fds(options, kept);
  stage = StartStage::setup;
  if (options.kill_descendants) os::lead_process_group();
  os::set_process_name(options.name.empty() ? "worker" : options.name.c_str());
}

}  // namespace coproc::inline v0::process
