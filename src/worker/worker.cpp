#include "coproc/worker.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "link/link_memory.hpp"
#include "messenger/core.hpp"
#include "os/clock.hpp"
#include "os/cpu.hpp"
#include "os/fork_guard.hpp"
#include "process/child.hpp"
#include "process/crash_report.hpp"
#include "process/stderr_tail.hpp"
#include "process/stop_ladder.hpp"
#include "worker/last_events.hpp"
#include "worker/own_frames.hpp"
#include "worker/state.hpp"

namespace coproc::inline v0 {

namespace {

using CrashBytes = std::array<std::byte, process::kCrashReportBytes>;

/// Returns the stack from the crash area as text. It reads files, so call it without the lock.
std::vector<std::string> stack_of(const CrashBytes& bytes, const Run& run) {
  auto stack = process::read_crash_report(bytes, run.program, run.program_identity);
  leave_out_own_frames(stack);
  return stack;
}

using RunLock = std::unique_lock<std::mutex>;

/// The first event of an end: the process has ended. Takes its status.
void take_status(Run& run, RunLock& lock) {
  lock.unlock();  // how the process ended may be asked of another party
  auto ended = run.child.try_reap();
  lock.lock();
  if (run.status || !ended) return;
  run.status = std::move(ended);
  run.status->start_note = run.start_note;
  if (run.group != nullptr) {
    using Killed = os::OwnControlGroup::Killed;
    const bool is_unexplained = run.status->signal() == SIGKILL && run.status->stopped_by == StopRung::none;
    const Killed killed = is_unexplained ? run.group->was_killed() : Killed::no;
    if (killed != Killed::no) run.status->limit = killed == Killed::yes ? "memory.max" : "memory";
    run.group.reset();  // if a process is still in it, it is removed later
  }
  if (run.hung && run.status->stopped_by != StopRung::none) {  // or it has ended by itself just then
    run.status->hung = std::move(run.hung);
    run.status->stack = std::move(run.hung_stack);
    run.is_stack_read = true;
  }
  if (!run.stderr_tail) return;
  run.stderr_tail->drain();
  run.status->stderr_tail = run.stderr_tail->text();
}

/// The second event: the link is complete. Adds to the status what the last messages and the crash area say.
void take_last_messages(Run& run, RunLock& lock) {
  run.core->note_peer_gone();
  run.core->try_drain();  // the last thing in the ring may be the target's exception, or replies behind a full inbox
  std::tie(run.status->exception, run.status->exception_text) = run.core->final_error();
  run.status->unanswered = run.core->unanswered();
  if (!std::exchange(run.are_events_read, true)) {
    run.status->last_events = last_events_of(run.core->underlying_link(), os::now_ns(), run.most_last_events);
    run.followed.note_end();
  }
  if (!run.status->signalled() || run.is_stack_read) return;
  alignas(8) CrashBytes bytes;
  std::copy(run.crash_area.begin(), run.crash_area.end(), bytes.begin());
  lock.unlock();
  auto stack = stack_of(bytes, run);
  auto violation = process::read_violation(bytes);
  lock.lock();
  if (!run.is_stack_read) {
    run.status->stack = std::move(stack);
    if (run.status->signal() == SIGSYS) run.status->violation = std::move(violation);
  }
  run.is_stack_read = true;
}

/// Returns the status of a run whose process has ended; nullopt if it is alive.
std::optional<ExitStatus> end_of(Run& run) {
  RunLock lock(run.mutex);
  if (!run.status) take_status(run, lock);
  if (run.status && run.core != nullptr && run.is_link_complete()) take_last_messages(run, lock);
  return run.status;
}

/// Receives what workers still send, so that no blocked send keeps them from ending. While more keeps arriving, this
/// goes on for a while: otherwise a worker that empties its buffers could send only as much as the ring holds each time
/// that the stop ladder looks. All workers share that time, or many that send for ever would delay the next rung.
void drain_runs(std::span<Run* const> runs) noexcept {
  for (Run* const run : runs) {
    if (run->stderr_tail) run->stderr_tail->drain();
  }
  const os::Deadline a_while(std::chrono::milliseconds(20));
  for (int idle = 0; idle < 20 && !a_while.passed(); ++idle) {
    bool is_any_alive = false;
    for (Run* const run : runs) {
      const std::lock_guard lock(run->mutex);
      if (run->core == nullptr || run->is_link_complete()) continue;
      is_any_alive = true;
      if (run->core->try_drain()) idle = 0;
    }
    if (!is_any_alive) return;
    os::yield();
  }
}

void drain_run(Run& run) noexcept {
  Run* const one = &run;
  drain_runs({&one, 1});
}

/// The work that a call does while it waits for the end of the worker.
process::LadderWait draining(Run& run, process::FunctionRef<void()> drain) {
  return {.keep_draining = drain, .extra_fd = run.stderr_tail ? run.stderr_tail->fd() : -1};
}

}  // namespace

namespace {

/// Returns what `call` returns. An error of the system is turned into one that names the worker.
template <class Call>
auto telling_errors(const char* name_of_call, const std::string& worker, Call call) {
  try {
    return call();
  } catch (const std::system_error& error) {
    throw Error(std::string(name_of_call) + ": worker " + worker + " could not be looked after: " + error.what() +
                ": nothing is lost; try again when the system has what it needs for that");
  }
}

}  // namespace

void throw_died(Run& run, const std::string& name) {
  auto status = telling_errors("receive", name, [&] { return end_of(run); });
  throw WorkerDiedError(name, run.child.pid(), status ? *std::move(status) : ExitStatus());
}

std::shared_ptr<Run> Worker::State::started(const char* call) const {
  auto now = current();
  // relaxed: only a fork lies between the store and a load that finds another generation
  const long started_by = starter.load(std::memory_order_relaxed);
  if (now == nullptr && started_by >= 0 && started_by != static_cast<long>(os::fork_generation())) {
    throw NotOwnerError(
        std::string(call) + ": worker " + options.name +
        " belongs to its host, and this process is that worker or was forked from it: only the host can "
        "end it");
  }
  if (now == nullptr) {
    throw NoLinkError(std::string(call) + ": worker " + options.name + " was never started; call start() first");
  }
  if (!now->child.is_own_process()) {
    throw NotOwnerError(std::string(call) + ": worker " + std::to_string(now->child.pid()) + " (" + options.name +
                        ") belongs to the process that this one was forked from");
  }
  return now;
}

Worker::Worker(WorkerOptions options, std::shared_ptr<Messenger> messenger, bool reorders)
    : state_(std::make_shared<State>()) {
  link::check_link_options(options.link);
  if (options.name.empty()) options.name = "worker";
  if (options.capture_stderr && !std::holds_alternative<Inherit>(options.stderr_)) {
    throw InvalidArgumentError("worker \"" + options.name +
                               "\": WorkerOptions::capture_stderr takes its stderr, so that stderr_ must be Inherit");
  }
  if (options.events > link::kMostEvents) {
    throw InvalidArgumentError("worker \"" + options.name + "\": WorkerOptions::events is " +
                               std::to_string(options.events) + ": choose at most 1048576, or 0 for none");
  }
  state_->options = std::move(options);
  state_->messenger = std::move(messenger);
  state_->reorders = reorders;
}

Worker::Worker(Worker&& other) noexcept = default;

Worker& Worker::operator=(Worker&& other) noexcept {
  if (this != &other) {
    const Worker ended(std::move(*this));  // stops the worker that this object had
    state_ = std::move(other.state_);
  }
  return *this;
}

Worker::~Worker() {
  if (state_ == nullptr) return;
  state_->give_up_asked("the worker was destroyed");
  if (!state_->is_of_this_process()) return;
  const auto run = state_->current();
  if (run == nullptr || !run->child.is_own_process()) return;
  try {
    if (run->child.was_killed()) {  // no gentler rung can help any more, and waiting for the last one twice has no use
      auto drain = [&] { drain_run(*run); };
      (void)process::wait_for_end(run->child, run->child.patience(), draining(*run, drain));
    } else {
      stop();
    }
  } catch (...) {
    // The child's own destructor does what is left: it kills and reaps.
  }
  state_->drop_run_from_messenger();
}

Worker::State& Worker::state() const {
  if (state_ == nullptr) throw NoLinkError("this worker was moved from: use the object it was moved to");
  return *state_;
}

Messenger& Worker::messenger() const { return *state().messenger; }

namespace {

/// The rungs of stop(). `ask` is the action of the first, and must outlive them.
std::array<process::Rung, 3> rungs_of(const StopOptions& options, process::FunctionRef<void()> ask) {
  return {process::Rung{StopRung::close_request, options.close, ask},
          process::Rung{StopRung::terminate, options.terminate}, process::Rung{StopRung::kill, options.kill}};
}

void ask_to_close(Run& run) {
  const std::lock_guard lock(run.mutex);
  if (run.core != nullptr) run.core->underlying_link().request_close();
}

}  // namespace

ExitStatus Worker::stop() { return stop(state().options.stop); }

ExitStatus Worker::stop(StopOptions options) {
  const auto run = state().started("stop");
  return telling_errors("stop", state().options.name, [&] {
    if (auto status = end_of(*run)) return *status;
    auto ask = [&] { ask_to_close(*run); };
    auto drain = [&] { drain_run(*run); };
    const ExitStatus status = process::run_ladder(run->child, rungs_of(options, ask), draining(*run, drain));
    if (auto complete = end_of(*run)) return *complete;
    return status;
  });
}

std::vector<ExitStatus> Worker::stop_all(std::span<Worker* const> workers, const StopOptions& options) {
  return telling_errors("stop_all", "of several", [&] {
    std::vector<std::shared_ptr<Run>> living;
    for (const Worker* worker : workers) {
      auto run = worker->state().current();
      if (run != nullptr && worker->state().started("stop_all") && !end_of(*run)) living.push_back(std::move(run));
    }
    for (std::size_t rung = 0; rung < 3 && !living.empty(); ++rung) {
      Timeout time = kForever;
      std::vector<process::Child*> children;
      std::vector<Run*> runs;
      for (const auto& run : living) {
        auto ask = [&] { ask_to_close(*run); };
        const process::Rung taken = rungs_of(options, ask)[rung];
        process::take_rung(run->child, taken);
        time = taken.time;
        children.push_back(&run->child);
        runs.push_back(run.get());
      }
      auto drain = [&] { drain_runs(runs); };
      process::wait_for_ends(children, os::Deadline(time.ns), {.keep_draining = drain});
      std::erase_if(living, [](const auto& run) { return run->child.is_ended() && run->child.try_reap(); });
    }
    std::vector<ExitStatus> statuses;
    for (const Worker* worker : workers) {
      ExitStatus status;
      const auto run = worker->state().current();
      if (run != nullptr) status.end = NotYetEnded{.refused = run->child.refuses_signals()};
      if (auto end = worker->exit_status()) status = *std::move(end);
      statuses.push_back(std::move(status));
    }
    return statuses;
  });
}

ExitStatus Worker::join() { return *join_for(kForever); }

ExitStatus Worker::finish(Timeout timeout) {
  (void)state().started("finish");
  if (auto status = exit_status()) return *std::move(status);
  const os::Deadline deadline(timeout.ns);
  try {
    messenger().send_end({.timeout = timeout});
  } catch (const TimeoutError&) {
    return stop();
  } catch (const WorkerIsDeadError&) {
    // The worker has ended by itself.
  }
  if (auto status = join_for(deadline.remaining())) return *std::move(status);
  return stop();
}

std::optional<ExitStatus> Worker::join_for(Timeout timeout) {
  const auto run = state().started("join");
  return telling_errors("join", state().options.name, [&]() -> std::optional<ExitStatus> {
    if (auto status = end_of(*run)) return status;
    auto drain = [&] { drain_run(*run); };
    process::LadderWait wait = draining(*run, drain);
    wait.may_unwind = true;
    if (!process::wait_for_end(run->child, os::Deadline(timeout.ns), wait)) return std::nullopt;
    return end_of(*run);
  });
}

void Worker::terminate() {
  const auto run = state().started("terminate");
  telling_errors("terminate", state().options.name, [&] {
    if (!run->child.try_reap()) process::take_rung(run->child, {StopRung::terminate, kForever});
  });
  drain_run(*run);  // if the worker is blocked in a send, it cannot act on the signal that it handles
}

void Worker::kill() {
  const auto run = state().started("kill");
  telling_errors("kill", state().options.name, [&] {
    if (!run->child.try_reap()) process::take_rung(run->child, {StopRung::kill, kForever});
  });
}

bool Worker::is_alive() const noexcept {
  if (state_ == nullptr || !state_->is_of_this_process()) return false;
  const auto run = state_->current();
  return run != nullptr && run->child.is_own_process() && !run->child.is_ended();
}

int Worker::pid() const { return state().started("pid")->child.pid(); }

std::string Worker::start_note() const {
  const auto run = state().current();
  return run == nullptr ? std::string() : run->start_note;
}

Confinement Worker::confinement() const { return state().started("confinement")->confinement; }

std::optional<ExitStatus> Worker::exit_status() const {
  if (!state().is_of_this_process()) return std::nullopt;
  const auto run = state().current();
  if (run == nullptr || !run->child.is_own_process()) return std::nullopt;
  return telling_errors("exit_status", state().options.name, [&] { return end_of(*run); });
}

}  // namespace coproc::inline v0
