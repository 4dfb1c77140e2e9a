#include "process/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <variant>

#include "os/file.hpp"
#include "os/process_state.hpp"

namespace coproc::inline v0::process {

namespace {

constexpr std::array kStages{StartStage::standard_input, StartStage::standard_output, StartStage::standard_error};

struct Source {
  int number;

  os::Fd operator()(const Inherit&) const {
    // The host has none. A worker's output must not go into whatever gets this number next.
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

}  // namespace

StandardDescriptors open_standard_descriptors(const WorkerOptions& options, StartStage& stage) {
  const std::array sources{&options.stdin_, &options.stdout_, &options.stderr_};
  StandardDescriptors opened;
  for (std::size_t i = 0; i < opened.size(); ++i) {
    stage = kStages[i];
    opened[i] = std::visit(Source{static_cast<int>(i)}, *sources[i]);
  }
  return opened;
}

void put_standard_descriptors(const StandardDescriptors& descriptors, StartStage& stage) {
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    stage = kStages[i];
    if (descriptors[i]) os::put_at(descriptors[i], static_cast<int>(i));
  }
}

}  // namespace coproc::inline v0::process
