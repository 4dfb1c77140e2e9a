#include "process/new_program.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/own_program.hpp"
#include "os/poll.hpp"
#include "os/process_state.hpp"
#include "os/processors.hpp"
#include "os/signals.hpp"
#include "process/await_start.hpp"
#include "process/fork_server.hpp"
#include "process/lifeline.hpp"
#include "process/local_life.hpp"
#include "process/standard_descriptors.hpp"
#include "process/standard_streams.hpp"
#include "process/start_channel.hpp"
#include "process/start_request.hpp"
#include "process/start_watch.hpp"
#include "process/stderr_tail.hpp"
#include "process/take_over.hpp"
#include "process/worker_identity.hpp"

namespace coproc::inline v0::process {

namespace {

/// The host's environment with WorkerOptions::env applied. Throws StartReport.
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

/// Everything that the worker gets from the host. It is opened here, so that it is the host's as it is now.
struct Inherited {
  StandardDescriptors opened;
  os::Fd working_directory;

  Inherited(const WorkerOptions& options, StartStage& stage) : opened(open_standard_descriptors(options, stage)) {
    stage = StartStage::working_directory;
    working_directory = open_working_directory(options);
    stage = StartStage::keep_fds;
    for (const int fd : options.keep_fds) {
      if (!os::is_open(fd)) throw StartReport{stage, EBADF};
    }
  }

  int standard(int number) const {
    const os::Fd& fd = opened[static_cast<std::size_t>(number)];
    return fd ? fd.get() : number;  // not opened here: the host's own
  }
};

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

/// Throws a StartReport that names the program.
pid_t execute(const os::Program& program, const os::Fd& control, int error_output) {
  try {
    return os::spawn(program, control, error_output);
  } catch (const std::system_error& error) {
    const int reason = error.code().value();
    std::string text = "its program \"" + program.path + "\" could not be executed" + guess_at_processes(reason);
    if (reason == ENOENT && os::id_of_path(program.path.c_str())) {
      text += ", since the interpreter or loader that it names is missing";
    }
    throw StartReport{StartStage::exec, reason, std::move(text)};
  }
}

}  // namespace

void refuse_before_take_over() {
  if (!awaits_take_over()) return;
  throw StartReport{
      StartStage::exec, 0,
      "this process was itself executed to become a worker or fork server, and a static initialiser starts a "
      "worker in it, as would every one of its workers: start workers in main, or later"};
}

void refuse_with_other_rights() {
  if (!os::gives_other_rights()) return;
  throw StartReport{
      StartStage::exec, 0,
      "this process has another effective than real user or group, or its program is set-user-ID or has "
      "capabilities of its file: a program that it executes so does not believe the start request, which somebody "
      "else may have made. Make user and group equal first, give capabilities otherwise (ambient ones, by systemd or "
      "setpriv), or choose StartMethod::fork"};
}

os::Program this_program(const char* role, std::vector<std::string> environment) {
  refuse_with_other_rights();
  if (!can_be_taken_over()) {
    throw StartReport{StartStage::exec, 0,
                      "a new process of this program could not be taken over by coproc: link coproc into the program "
                      "itself, call coproc::init(argc, argv) first in main (as static programs must), or choose "
                      "StartMethod::fork"};
  }
  os::Command command;
  try {
    command = os::own_command();
  } catch (const std::system_error& error) {
    throw StartReport{
        StartStage::exec, error.code().value(),
        "the file of this program cannot be found: there is no /proc here, and the file is not (or not any "
        "more) where it was executed from. Mount /proc, or choose StartMethod::fork"};
  }
  os::Program program;
  program.path = std::move(command.path);
  program.arguments = std::move(command.arguments);
  program.arguments.push_back(std::string("coproc:") + role);
  program.environment = std::move(environment);
  program.environment.push_back(std::string(kMarker) + '=' + role);
  return program;
}

/// One attempt to start. Its process is told everything at once, and reads that whenever it comes to it.
class NewProgramStart::Attempt {
  /// Runs a part of the start. Throws StartReport instead of std::system_error.
  template <class Step>
  auto naming_stage(Step step) {
    try {
      return step();
    } catch (const std::system_error& error) {
      throw report_of(stage_, error);
    }
  }

 public:
  explicit Attempt(const os::Deadline& deadline) noexcept : deadline_(deadline) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    if (!asked_ || !channel_->host_end()) return;  // a child that this process forked has no end of the channel
    try {
      (void)naming_stage([&] { return take_fork(); });  // which the destructor of child_ ends
    } catch (...) {
      // There is no process, or it ends by itself, since nobody answers it.
    }
    channel_->hang_up();  // so that also one ends which this process may not kill, since it has other rights by now
  }

  /// What was done between ask_server() and ask() takes nothing of the time of the start.
  void count_from_now(const os::Deadline& deadline) noexcept { deadline_ = deadline; }

  /// Asks the fork server only. Throws StartReport.
  void ask_server(RightsCompared compared) {
    naming_stage([&] {
      refuse_before_take_over();
      stage_ = StartStage::lifeline;
      channel_.emplace();
      stage_ = StartStage::fork_server;
      asked_ = ask_for_fork(*channel_, compared, deadline_);
    });
  }

  /// Makes the process, or asks for it. Returns false if it has to be asked for once more, by another attempt. Throws
  /// StartReport.
  bool ask(const WorkerOptions& options, const NewProgram& program, StartRequest& request, std::span<const int> fds,
           RightsCompared compared) {
    return naming_stage([&] {
      refuse_before_take_over();
      const bool is_fork = program.method == StartMethod::fork_server;
      if (is_fork && !asked_) ask_server(compared);  // first, so that it forks while the rest is made here
      inherited_.emplace(options, stage_);
      stage_ = StartStage::lifeline;
      lifeline_ = std::make_unique<Lifeline>();
      Lifeline& lifeline = *lifeline_;
      std::vector<std::string> environment = environment_for(options);
      request.environment.reset();  // an earlier attempt may have set it
      flush_standard_streams();
      if (is_fork) {
        stage_ = StartStage::fork_server;
        if (compared == RightsCompared::later && !may_begin(*asked_, deadline_)) return false;
        if (!has_environment(*asked_, environment)) request.environment = std::move(environment);
      } else {
        launch(program, std::move(environment));
      }
      send(options, request, fds, lifeline);
      return true;
    });
  }

  enum class Look { waits, server_has_ended, has_outcome };
  /// Goes on as far as that is possible without waiting for a process. Throws StartReport.
  Look look() {
    return naming_stage([&] {
      if (asked_) {
        if (waits_for_fork() && !deadline_.passed()) return Look::waits;
        if (!take_fork()) return Look::server_has_ended;
      }
      stage_ = StartStage::handshake;
      StderrTail* const tail = error_output_ ? &*error_output_ : nullptr;
      if (!report_) report_.emplace(child_, *channel_, deadline_, tail);
      auto outcome = report_->look();
      if (!outcome) return Look::waits;
      outcome_ = *std::move(outcome);
      if (tail != nullptr && outcome_.report.stage == StartStage::started) {
        os::write_all(inherited_->standard(STDERR_FILENO), tail->text());
      }
      return Look::has_outcome;
    });
  }
  /// The descriptors that become readable when look() can go on.
  std::array<int, 3> fds() const noexcept { return asked_ ? fds_of(*asked_, *channel_) : report_->fds(); }
  StartOutcome take_outcome() noexcept { return std::move(outcome_); }
  /// The process that has reported.
  Child take_child() noexcept { return std::move(child_); }

 private:
  void launch(const NewProgram& program, std::vector<std::string> environment) {
    channel_.emplace();
    error_output_.emplace();  // if the start fails, the error quotes what the program printed before
    stage_ = StartStage::exec;
    os::Program executed;
    if (program.method == StartMethod::spawn && program.path.empty()) {
      executed = this_program(kSpawnRole, std::move(environment));
    } else if (program.method == StartMethod::spawn) {
      executed.path = program.path;
      executed.arguments = program.arguments;
      executed.environment = std::move(environment);
      executed.environment.push_back(std::string(kMarker) + '=' + kSpawnRole);
    } else {
      refuse_with_other_rights();
      executed.path = program.path;
      executed.arguments = program.arguments;
      executed.arguments.insert(executed.arguments.begin(), program.path);
      executed.environment = std::move(environment);
      executed.environment.push_back(std::string(kMarker) + '=' + kExecutableRole);
      executed.blocks_signals = false;
    }
    executed.input = inherited_->standard(STDIN_FILENO);
    executed.output = inherited_->standard(STDOUT_FILENO);
    executed.working_directory = inherited_->working_directory.get();
    const pid_t pid = execute(executed, channel_->worker_end(), error_output_->write_fd());
    stage_ = StartStage::pidfd;
    child_ = take_charge(pid, *channel_, deadline_, std::move(lifeline_));
    channel_->keep_host_end();
    error_output_->keep_host_end();
  }

  void send(const WorkerOptions& options, const StartRequest& request, std::span<const int> fds, Lifeline& lifeline) {
    std::vector<int> sent{inherited_->standard(STDIN_FILENO), inherited_->standard(STDOUT_FILENO),
                          inherited_->standard(STDERR_FILENO), inherited_->working_directory.get(),
                          lifeline.read_end().get()};
    sent.insert(sent.end(), options.keep_fds.begin(), options.keep_fds.end());
    sent.insert(sent.end(), fds.begin(), fds.end());
    stage_ = StartStage::handshake;
    (void)send_start_request(channel_->host_end(), request, sent, deadline_);  // await() sees whether it has ended
    lifeline.keep_host_end();
  }

  bool waits_for_fork() const {
    const std::array<int, 3> fds = fds_of(*asked_, *channel_);
    pollfd entries[3] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}, {fds[2], POLLIN, 0}};
    return os::poll_once(entries, os::Deadline(std::chrono::seconds(0))) != os::PollEnd::ready;
  }

  /// Makes the fork that was asked for `child_`. False: the fork server has ended.
  bool take_fork() {
    stage_ = StartStage::fork_server;
    const AskedFork asked = *std::exchange(asked_, std::nullopt);
    auto worker = await_fork(asked, *channel_, deadline_);
    if (!worker) return false;
    const os::ForkLock no_fork_before_it_is_registered;
    child_ = Child(std::make_unique<LocalLife>(worker->pid, std::move(worker->pidfd)), std::move(lifeline_));
    return true;
  }

  os::Deadline deadline_;
  StartStage stage_ = StartStage::setup;
  std::optional<Inherited> inherited_;
  std::unique_ptr<Lifeline> lifeline_;  // until there is a child, which owns it
  std::optional<StartChannel> channel_;
  std::optional<StderrTail> error_output_;
  std::optional<AskedFork> asked_;
  Child child_;
  std::optional<ReportWait> report_;
  StartOutcome outcome_;
};

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
