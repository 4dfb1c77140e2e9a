#include "process/child_setup.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <variant>
#include <vector>

#include "os/error.hpp"
#include "os/file.hpp"
#include "os/process_state.hpp"

namespace coproc::inline v0::process {

namespace {

/// What shall come to stand at `number`; none where it stays as it is.
struct Source {
  int number;

  os::Fd operator()(const Inherit&) const {
    // A host without it: a worker's output must not go into whatever is next given this number.
    return os::is_open(number) ? os::Fd() : (*this)(DevNull{});
  }
  os::Fd operator()(const DevNull&) const {
    return os::open_file("/dev/null", number == STDIN_FILENO ? O_RDONLY : O_WRONLY);
  }
  os::Fd operator()(const FileDescriptor& source) const { return os::duplicate(source.fd); }
  os::Fd operator()(const OutputFile& file) const {
    return os::open_file(file.path.c_str(), O_WRONLY | O_CREAT | (file.append ? O_APPEND : O_TRUNC));
  }
};

/// All three are found before the first is put in its place, so that they may name each other.
void set_standard_descriptors(const WorkerOptions& options, StartStage& stage) {
  stage = StartStage::standard_input;
  const os::Fd input = std::visit(Source{STDIN_FILENO}, options.stdin_);
  stage = StartStage::standard_output;
  const os::Fd output = std::visit(Source{STDOUT_FILENO}, options.stdout_);
  stage = StartStage::standard_error;
  const os::Fd error = std::visit(Source{STDERR_FILENO}, options.stderr_);
  if (error) os::put_at(error, STDERR_FILENO);
  stage = StartStage::standard_output;
  if (output) os::put_at(output, STDOUT_FILENO);
  stage = StartStage::standard_input;
  if (input) os::put_at(input, STDIN_FILENO);
}

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
  set_standard_descriptors(options, stage);
  stage = StartStage::environment;
  set_environment(options);
  stage = StartStage::working_directory;
  if (!options.working_directory.empty()) os::change_directory(options.working_directory.c_str());
  stage = StartStage::keep_fds;
  if (!options.inherit_fds) close_other_fds(options, kept);
  stage = StartStage::setup;
  os::set_process_name(options.name.empty() ? "worker" : options.name.c_str());
}

}  // namespace coproc::inline v0::process
