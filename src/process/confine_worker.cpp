#include "process/confine_worker.hpp"

#include <system_error>

#include "os/own_control_group.hpp"
#include "process/worker_end.hpp"
#include "sandbox/confine.hpp"

namespace coproc::inline v0::process {

StartReport confine(const detail::SandboxParts* sandbox, const Limits& limits, const std::string& control_group) {
  try {
    if (!control_group.empty()) os::enter_control_group(control_group);
  } catch (const std::system_error& error) {
    throw StartReport{
        .stage = StartStage::sandbox,
        .error_number = error.code().value(),
        .text = std::string("WorkerOptions::control_group: its process could not enter its group: ") + error.what()};
  }
  if (sandbox == nullptr && !limits.any()) return {.stage = StartStage::started};
  if (sandbox != nullptr) forgo_leak_check();
  try {
    return {.stage = StartStage::started, .applied = sandbox::confine(sandbox, limits)};
  } catch (const sandbox::Refused& refused) {
    throw StartReport{.stage = StartStage::sandbox, .error_number = refused.error_number, .text = refused.text};
  } catch (const std::system_error& error) {
    throw StartReport{.stage = StartStage::sandbox,
                      .error_number = error.code().value(),
                      .text = std::string("its process could not be confined: ") + error.what()};
  }
}

}  // namespace coproc::inline v0::process
