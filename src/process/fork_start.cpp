#include "process/fork_start.hpp"

#include <cerrno>
#include <memory>
#include <system_error>
#include <vector>

#include "os/clock.hpp"
#include "os/pending_output.hpp"
#include "os/process_state.hpp"
#include "os/signals.hpp"
#include "process/await_start.hpp"
#include "process/child_setup.hpp"
#include "process/confine_worker.hpp"
#include "process/lifeline.hpp"
#include "process/run_body.hpp"
#include "process/standard_streams.hpp"
#include "process/start_channel.hpp"
#include "process/this_program.hpp"
#include "process/worker_end.hpp"
#include "process/worker_identity.hpp"

namespace coproc::inline v0::process {

namespace {

void set_up(const WorkerOptions& options, std::span<os::ForkSensitive* const> kept, Lifeline& lifeline,
            StartReport& report) {
  report.stage = StartStage::setup;
  const os::SignalRules rules{os::ignored_signals(), options.heed_signals_of_others, os::parent_pid()};
  os::reset_signals();
  os::begin_signals(rules);
  report.stage = StartStage::lifeline;
  lifeline.end_with_host();
  set_up_child(options, os::list_fds(kept), report.stage);
}

[[noreturn]] void run_worker(const WorkerOptions& options, std::span<os::ForkSensitive* const> kept, Lifeline& lifeline,
                             StartChannel& channel, const WorkerIdentity& identity, bool had_threads,
                             FunctionRef<int()> body, FunctionRef<void()> prepare) noexcept {
  channel.keep_worker_end();
  begin_worker(had_threads);
  StartReport report;
  try {
    set_up(options, kept, lifeline, report);
    assume_identity(identity, !had_threads);  // or another thread may hold the generators' lock for ever
    report.stage = StartStage::link;
    if (prepare) prepare();
    report = confine(options.sandbox ? &options.sandbox->parts() : nullptr, options.limits, options.control_group);
  } catch (const StartReport& failed) {
    report = failed;
  } catch (const std::system_error& error) {
    report.error_number = error.code().value();
  } catch (...) {
    report.error_number = ENOMEM;
  }
  if (!channel.report(report) || report.stage != StartStage::started) end_worker(1);

  exit_worker(run_body(body, options.name));
}

}  // namespace

Child start_by_fork(const WorkerOptions& options, std::span<os::ForkSensitive* const> keep, FunctionRef<int()> body,
                    FunctionRef<void()> prepare, sandbox::Applied* applied) {
  check_options(options);
  const os::Deadline deadline(options.start_timeout.ns);
  StartStage stage = StartStage::lifeline;
  StartOutcome outcome;
  try {
    refuse_before_take_over();
    auto lifeline = std::make_unique<Lifeline>();
    StartChannel channel;
    std::vector<os::ForkSensitive*> kept(keep.begin(), keep.end());
    kept.insert(kept.end(), {lifeline.get(), &channel});
    flush_standard_streams();
    os::find_streams();

    const WorkerIdentity identity = new_identity(options);
    const bool had_threads = os::thread_count() > 1;
    stage = StartStage::fork;
    pid_t pid;
    {
      const os::SignalBlock until_the_child_has_its_own_handlers;
      pid = os::fork_keeping(kept);
      if (pid == 0) run_worker(options, kept, *lifeline, channel, identity, had_threads, body, prepare);
    }
    channel.keep_host_end();
    lifeline->keep_host_end();
    stage = StartStage::pidfd;
    Child child = take_charge(pid, channel, deadline, std::move(lifeline));
    stage = StartStage::setup;
    outcome = ReportWait(child, channel, deadline, nullptr).await();
    if (outcome.report.stage == StartStage::started) {
      if (applied != nullptr) *applied = outcome.report.applied;
      return child;
    }
  } catch (const StartReport& report) {
    throw_start_error(report, options);
  } catch (const std::system_error& error) {
    throw_start_error(report_of(stage, error), options);
  }
  throw_start_error(outcome.report, options, outcome.status);
}

}  // namespace coproc::inline v0::process
