// Workers whose processes are started and reaped by somebody else.
#include "coproc/adopted_worker.hpp"

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

#include "coproc/errors.hpp"
#include "link/link.hpp"
#include "os/file.hpp"
#include "os/fork_guard.hpp"
#include "os/pidfd.hpp"
#include "process/local_life.hpp"
#include "process/start_stage.hpp"
#include "worker/link_end.hpp"
#include "worker/own_group.hpp"
#include "worker/state.hpp"

namespace coproc::inline v0 {

LinkEnd Worker::new_link() {
  State& state = this->state();
  refuse_if_alive();
  state.starter.store(static_cast<long>(os::fork_generation()), std::memory_order_relaxed);  // relaxed: see started()
  try {
    auto [run, core, worker_end] = make_link(state.options, state.reorders);
    state.ask_to_tell(core->underlying_link());
    WorkerOptions options = state.options;
    capture_stderr_if_wanted(options, *run, core->underlying_link());
    run->group = make_own_group(options);
    if (run->group != nullptr) add_limits_of_own_group(options.limits, run->confinement.limits);
    auto lifeline = std::make_unique<process::Lifeline>();
    const auto [memory, wake_in, wake_out] = worker_end->fds_to_hand_over();
    auto parts = std::make_unique<LinkEnd::Parts>();
    parts->description.link = description_of(*worker_end, state.options.link, state.reorders);
    parts->description.is_of_worker = true;
    parts->description.reports_crashes = state.options.report_crashes;
    parts->description.heeds_signals_of_others = state.options.heed_signals_of_others;
    parts->description.host_pid = ::getpid();
    if (run->group != nullptr) parts->description.control_group = run->group->path();
    if (const auto supervisor = state.supervisor.lock()) {
      parts->description.max_state_bytes = supervisor->max_state_bytes();
      parts->description.state = state_from(supervisor.get());
    }
    parts->memory = os::duplicate(memory);
    parts->wake_in = os::duplicate(wake_in);
    parts->wake_out = os::duplicate(wake_out);
    parts->lifeline = os::duplicate(lifeline->read_end().get());
    if (run->stderr_tail) {
      parts->description.captures_stderr = true;
      parts->errors = os::duplicate(run->stderr_tail->write_fd());
      run->stderr_tail->keep_host_end();
    }
    lifeline->keep_host_end();
    state.awaited = {std::move(run), std::move(core), std::move(lifeline)};
    return LinkEnd(std::move(parts));
  } catch (const process::StartReport& report) {
    process::throw_start_error(report, state.options);
  } catch (const std::system_error& error) {
    process::throw_start_error(process::report_of(process::StartStage::link, error), state.options);
  }
}

void Worker::adopt(int pid, std::function<std::optional<ExitStatus>()> ask) {
  State& state = this->state();
  if (state.awaited.run == nullptr) {
    throw InvalidArgumentError("adopt: worker " + state.options.name +
                               " waits for no process: call new_link() before each, and give its end to that process");
  }
  State::Awaited awaited = std::move(state.awaited);
  state.awaited = {};
  try {
    awaited.run->child = process::Child(
        std::make_unique<process::AdoptedLife>(pid, os::Pidfd::open(pid), std::move(ask)), std::move(awaited.lifeline));
  } catch (const std::system_error& error) {
    process::throw_start_error(process::report_of(process::StartStage::pidfd, error), state.options);
  }
  state.begin(std::move(awaited.run), std::move(awaited.core));
}

}  // namespace coproc::inline v0
