// The public face of the fork server.
#include "coproc/fork_server.hpp"

#include <system_error>

#include "os/clock.hpp"
#include "process/fork_server.hpp"
#include "process/start_stage.hpp"
#include "process/this_program.hpp"

namespace coproc::inline v0 {

void start_fork_server(Timeout timeout) {
  try {
    process::refuse_before_take_over();
    process::ensure_fork_server(os::Deadline(timeout.ns));
  } catch (const process::StartReport& report) {
    process::throw_start_error(report, {.name = "fork server"});
  } catch (const std::system_error& error) {
    process::throw_start_error(process::report_of(process::StartStage::fork_server, error), {.name = "fork server"});
  }
}

void stop_fork_server() noexcept { process::end_fork_server(); }

}  // namespace coproc::inline v0
