#include "process/start_channel.hpp"

namespace coproc::inline v0::process {

const char* name_of(StartStage stage) noexcept {
  switch (stage) {
    case StartStage::started:
      return "started";
    case StartStage::lifeline:
      return "lifeline";
    case StartStage::fork:
      return "fork";
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
  }
  return "setup";
}

bool StartChannel::let_go() noexcept {
  const char go = 1;
  return os::send_all(ends_.first, &go, 1);
}

std::optional<StartReport> StartChannel::receive() noexcept {
  StartReport report;
  if (os::receive_all(ends_.first, &report, sizeof report) != sizeof report) return std::nullopt;
  return report;
}

bool StartChannel::report(StartReport report) noexcept {
  char go = 0;
  const bool is_told = os::receive_all(ends_.second, &go, 1) == 1 && os::send_all(ends_.second, &report, sizeof report);
  ends_.second.reset();
  return is_told;
}

void StartChannel::leave_in_child() noexcept {
  ends_.first.reset();
  ends_.second.reset();
}

void StartChannel::list_fds(std::vector<int>& fds) const {
  fds.insert(fds.end(), {ends_.first.get(), ends_.second.get()});
}

}  // namespace coproc::inline v0::process
