#include "process/new_program.hpp"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <system_error>
#include <utility>

#include "os/clock.hpp"
#include "os/processors.hpp"
#include "os/signals.hpp"
#include "process/fork_server.hpp"
#include "process/new_program_attempt.hpp"
#include "process/worker_identity.hpp"

namespace coproc::inline v0::process {

namespace {

StartRequest request_for(const WorkerOptions& options, std::string payload) {
  StartRequest request;
  request.name = name_of_worker(options);
  request.host_pid = ::getpid();
  const WorkerIdentity identity = new_identity(options);
  request.number = identity.number;
  request.seed = identity.seed;
  request.keep_fds = options.keep_fds;
  request.leads_group = options.kill_descendants;
  request.ignored_signals = os::ignored_signals();
  request.heeds_signals_of_others = options.heed_signals_of_others;
  const cpu_set_t processors = os::allowed_processors();
  if (options.sandbox) request.sandbox = options.sandbox->parts();
  request.limits = options.limits;
  request.control_group = options.control_group;
  request.processors.assign(reinterpret_cast<const char*>(&processors), sizeof processors);
  request.payload = std::move(payload);
  return request;
}

}  // namespace

NewProgramStart::EarlyFork::EarlyFork() noexcept = default;
NewProgramStart::EarlyFork::EarlyFork(EarlyFork&&) noexcept = default;
NewProgramStart::EarlyFork::~EarlyFork() = default;

NewProgramStart::EarlyFork::EarlyFork(Timeout start_timeout) {
  if (!no_fork_server().empty()) return;
  try {
    attempt_ = std::make_unique<Attempt>(os::Deadline(start_timeout.ns));
    attempt_->ask_server(RightsCompared::later);
  } catch (const StartReport& report) {
    failed_ = report;
    attempt_.reset();
  }
}

NewProgramStart::NewProgramStart(const WorkerOptions& options, NewProgram program, std::string payload,
                                 std::vector<int> fds, EarlyFork early)
    : options_(options), program_(std::move(program)), fds_(std::move(fds)), deadline_(options.start_timeout.ns) {
  check_options(options_);
  try {
    request_ = request_for(options_, std::move(payload));
    if (may_be_spawned()) started_.note = no_fork_server();
    if (started_.note.empty()) ask(std::move(early));
    const bool is_over = started_.note.empty() && attempt_ == nullptr;
    if (is_over && !(may_be_spawned() && failed_.may_be_spawned)) throw_start_error(failed_, options_);
  } catch (const std::system_error& error) {
    throw_start_error(report_of(StartStage::setup, error), options_);
  }
}
NewProgramStart::NewProgramStart(NewProgramStart&&) noexcept = default;
NewProgramStart& NewProgramStart::operator=(NewProgramStart&&) noexcept = default;
NewProgramStart::~NewProgramStart() = default;

bool NewProgramStart::may_be_spawned() const noexcept {
  return program_.method == StartMethod::fork_server && program_.may_be_spawned;
}

void NewProgramStart::ask(EarlyFork early) {
  try {
    if (early.failed_) throw StartReport(*early.failed_);
    attempt_ = early.attempt_ ? std::move(early.attempt_) : std::make_unique<Attempt>(deadline_);
    attempt_->count_from_now(deadline_);
    if (attempt_->ask(options_, program_, request_, fds_, RightsCompared::later)) return;
    attempt_.reset();  // which ends the fork
    attempt_ = std::make_unique<Attempt>(deadline_);
    (void)attempt_->ask(options_, program_, request_, fds_, RightsCompared::first);
  } catch (const StartReport& report) {
    failed_ = report;
    attempt_.reset();
  }
}

void NewProgramStart::spawn() {
  program_ = {.method = StartMethod::spawn};
  tries_ = 0;
  ask();
}

/// Takes the outcome, unless the start goes on with another one by `spawn`.
void NewProgramStart::end_with(StartOutcome outcome) {
  if (may_be_spawned() && outcome.report.may_be_spawned) {
    started_.note = describe(outcome.report, options_);
    return spawn();
  }
  if (!started_.child && !started_.note.empty()) {
    outcome.report.text = describe(outcome.report, options_) + "; it was tried by spawn, since " + started_.note;
    outcome.report.error_number = 0;
  }
  outcome_ = std::move(outcome);
}

/// Makes the next steps of a start that has no outcome yet. Returns false if it waits.
bool NewProgramStart::take_steps() {
  if (may_be_spawned() && !started_.note.empty()) spawn();  // it is known that there is no fork server
  while (!outcome_) {
    if (attempt_ == nullptr) {
      end_with({failed_, {}});
      continue;
    }
    try {
      switch (attempt_->look()) {
        case Attempt::Look::waits:
          return false;
        case Attempt::Look::server_has_ended:
          attempt_.reset();
          failed_ = fork_servers_ended();
          if (++tries_ < 2) ask();  // another fork server
          break;
        case Attempt::Look::has_outcome: {
          StartOutcome outcome = attempt_->take_outcome();
          if (outcome.report.stage == StartStage::started) started_.child = attempt_->take_child();
          attempt_.reset();
          end_with(std::move(outcome));
        }
      }
    } catch (const StartReport& report) {
      attempt_.reset();
      end_with({report, {}});
    }
  }
  return true;
}

bool NewProgramStart::go_on() {
  try {
    if (watch_ != nullptr) watch_->let_go();
    const bool is_over = take_steps();
    if (watch_ == nullptr) return is_over;
    if (is_over) {
      watch_->make_readable();
    } else {
      watch_->watch(attempt_->fds(), deadline_);
    }
    return is_over;
  } catch (const std::system_error& error) {
    throw_start_error(report_of(StartStage::setup, error), options_);
  }
}

int NewProgramStart::handle() {
  if (watch_ == nullptr) watch_ = std::make_unique<StartWatch>();
  (void)go_on();
  return watch_->fd();
}

bool NewProgramStart::await_for(const os::Deadline& deadline) {
  while (!go_on()) {
    if (deadline.passed()) return false;
    try {
      wait_for_any(attempt_->fds(), os::Deadline(std::min(deadline.remaining(), deadline_.remaining())));
    } catch (const std::system_error& error) {
      throw_start_error(report_of(StartStage::setup, error), options_);
    }
  }
  return true;
}

StartedProgram NewProgramStart::await() {
  (void)await_for(os::Deadline::forever());
  started_.applied = outcome_->report.applied;
  if (started_.child) return std::move(started_);
  throw_start_error(outcome_->report, options_, outcome_->status);
}

}  // namespace coproc::inline v0::process
