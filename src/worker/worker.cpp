#include "coproc/worker.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <string>
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
#include "worker/state.hpp"

namespace coproc::inline v0 {

namespace {

/// The frames below that which calls the target are the same in every worker.
void leave_out_own_frames(std::vector<std::string>& stack) {
  const auto calls_target = [](const std::string& frame) {
    return frame.find("coproc::v0::WorkerResource<") != std::string::npos ||
           frame.find("coproc::v0::detail::ThisWorker<") != std::string::npos;
  };
  const auto caller = std::find_if(stack.begin(), stack.end(), calls_target);
  if (caller != stack.end()) stack.erase(caller + 1, stack.end());
}

/// The status of a run whose process has ended, complete with what its messages and its stderr tell; nullopt: it is alive.
std::optional<ExitStatus> end_of(Run& run) {
  std::unique_lock lock(run.mutex);
  if (!run.status) {
    lock.unlock();  // the child may have to ask somebody how it ended
    auto ended = run.child.try_reap();
    lock.lock();
    if (!run.status && ended) {
      run.status = std::move(ended);
      run.status->start_note = run.start_note;
      if (run.stderr_tail) {
        run.stderr_tail->drain();
        run.status->stderr_tail = run.stderr_tail->text();
      }
    }
  }
  if (run.status && run.core != nullptr) {
    run.core->note_peer_gone();
    run.core->try_drain();  // its exception may be the last thing in the ring, or replies still behind a full inbox
    std::tie(run.status->exception, run.status->exception_text) = run.core->final_error();
    run.status->unanswered = run.core->unanswered();
    if (run.status->signalled() && run.status->stack.empty()) {
      run.status->stack = process::read_crash_report(run.crash_area.first<process::kCrashReportBytes>(), run.program);
      leave_out_own_frames(run.status->stack);
    }
  }
  return run.status;
}

/// What the worker still sends must not keep it from ending. While more comes this stays here for a while: a worker that
/// empties its buffers would otherwise get on by one ring each time that the ladder looks.
void drain_run(Run& run) noexcept {
  if (run.stderr_tail) run.stderr_tail->drain();
  const os::Deadline a_while(std::chrono::milliseconds(20));  // one that sends for ever must not put the next rung off
  for (int idle = 0; idle < 20 && !a_while.passed(); ++idle) {
    {
      const std::lock_guard lock(run.mutex);
      if (run.core == nullptr || run.child.is_ended()) return;
      if (run.core->try_drain()) idle = 0;
    }
    os::yield();
  }
}

/// What goes on while a call waits for the end.
process::LadderWait draining(Run& run, process::FunctionRef<void()> drain) {
  return {.keep_draining = drain, .extra_fd = run.stderr_tail ? run.stderr_tail->fd() : -1};
}

}  // namespace

void throw_died(Run& run, const std::string& name) {
  auto status = end_of(run);
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
    throw WorkerIsAlreadyDeadError(std::string(call) + ": worker " + options.name +
                                   " was never started; call start() first");
  }
  if (!now->child.is_own_process()) {
    throw NotOwnerError(std::string(call) + ": worker " + std::to_string(now->child.pid()) + " (" + options.name +
                        ") belongs to the process that this one was forked from");
  }
  return now;
}

void Worker::State::drop_run_from_messenger() noexcept {
  if (run == nullptr) return;
  const std::lock_guard lock(run->mutex);
  run->core = nullptr;
}

Worker::Worker(WorkerOptions options, std::shared_ptr<Messenger> messenger, bool reorders)
    : state_(std::make_shared<State>()) {
  link::check_link_options(options.link);
  if (options.name.empty()) options.name = "worker";
  if (options.capture_stderr && !std::holds_alternative<Inherit>(options.stderr_)) {
    throw InvalidArgumentError("worker \"" + options.name +
                               "\": WorkerOptions::capture_stderr takes its stderr, so that stderr_ must be Inherit");
  }
  state_->options = std::move(options);
  state_->messenger = std::move(messenger);
  state_->reorders = reorders;
}

Worker::Worker(Worker&& other) noexcept = default;

Worker& Worker::operator=(Worker&& other) noexcept {
  if (this != &other) {
    const Worker ended(std::move(*this));  // stops what lives here
    state_ = std::move(other.state_);
  }
  return *this;
}

Worker::~Worker() {
  if (state_ == nullptr) return;
  const auto run = state_->current();
  if (run == nullptr || !run->child.is_own_process()) return;
  try {
    stop();
  } catch (...) {
    // What is left is the child's own destructor, which kills and reaps.
  }
  state_->drop_run_from_messenger();
}

Worker::State& Worker::state() const {
  if (state_ == nullptr) throw WorkerIsAlreadyDeadError("this worker was moved from: use the object it was moved to");
  return *state_;
}

Messenger& Worker::messenger() const { return *state().messenger; }

namespace {

/// The rungs of stop(). `ask` is the first one, and has to outlive them.
std::array<process::Rung, 3> rungs_of(const StopOptions& options, process::FunctionRef<void()> ask) {
  return {process::Rung{StopRung::close_request, options.close, ask},
          process::Rung{StopRung::terminate, options.terminate}, process::Rung{StopRung::kill, options.kill}};
}

void ask_to_close(Run& run) {
  const std::lock_guard lock(run.mutex);
  if (run.core != nullptr) run.core->transport().request_close();
}

}  // namespace

ExitStatus Worker::stop() { return stop(state().options.stop); }

ExitStatus Worker::stop(StopOptions options) {
  const auto run = state().started("stop");
  if (auto status = end_of(*run)) return *status;
  auto ask = [&] { ask_to_close(*run); };
  auto drain = [&] { drain_run(*run); };
  const ExitStatus status = process::run_ladder(run->child, rungs_of(options, ask), draining(*run, drain));
  if (auto complete = end_of(*run)) return *complete;
  return status;
}

std::vector<ExitStatus> Worker::stop_all(std::span<Worker* const> workers, const StopOptions& options) {
  std::vector<std::shared_ptr<Run>> living;
  for (const Worker* worker : workers) {
    auto run = worker->state().current();
    if (run != nullptr && worker->state().started("stop_all") && !end_of(*run)) living.push_back(std::move(run));
  }
  const auto ended = [](const std::shared_ptr<Run>& run) { return end_of(*run).has_value(); };
  for (std::size_t rung = 0; rung < 3 && !living.empty(); ++rung) {
    Timeout time = kForever;
    for (const auto& run : living) {
      auto ask = [&] { ask_to_close(*run); };
      const process::Rung taken = rungs_of(options, ask)[rung];
      process::take_rung(run->child, taken);
      time = taken.time;
    }
    const os::Deadline deadline(time.ns);
    // All are drained whichever is waited for: none may be kept from its end because its turn comes later.
    auto drain = [&] {
      for (const auto& run : living) drain_run(*run);
    };
    for (const auto& run : living) process::wait_for_end(run->child, deadline, {.keep_draining = drain});
    std::erase_if(living, ended);
  }
  std::vector<ExitStatus> statuses;
  for (const Worker* worker : workers) {
    ExitStatus status;
    const auto run = worker->state().current();
    if (run != nullptr) status.end = NotYetEnded{};
    if (auto end = worker->exit_status()) status = *std::move(end);
    statuses.push_back(std::move(status));
  }
  return statuses;
}

ExitStatus Worker::join() { return *join_for(kForever); }

std::optional<ExitStatus> Worker::join_for(Timeout timeout) {
  const auto run = state().started("join");
  if (auto status = end_of(*run)) return status;
  auto drain = [&] { drain_run(*run); };
  if (!process::wait_for_end(run->child, os::Deadline(timeout.ns), draining(*run, drain))) return std::nullopt;
  return end_of(*run);
}

void Worker::terminate() {
  const auto run = state().started("terminate");
  if (end_of(*run)) return;
  run->child.note_rung(StopRung::terminate);
  if (run->child.signal(SIGTERM)) run->child.signal(SIGCONT);  // a stopped process could not act on it
  drain_run(*run);                                             // nor one that is blocked in a send and handles it
}

void Worker::kill() {
  const auto run = state().started("kill");
  if (end_of(*run)) return;
  run->child.note_rung(StopRung::kill);
  run->child.signal(SIGKILL);
}

bool Worker::is_alive() const noexcept {
  if (state_ == nullptr) return false;
  const auto run = state_->current();
  return run != nullptr && run->child.is_own_process() && !run->child.is_ended();
}

int Worker::pid() const { return state().started("pid")->child.pid(); }

std::string Worker::start_note() const {
  const auto run = state().current();
  return run == nullptr ? std::string() : run->start_note;
}

std::optional<ExitStatus> Worker::exit_status() const {
  const auto run = state().current();
  if (run == nullptr || !run->child.is_own_process()) return std::nullopt;
  return end_of(*run);
}

}  // namespace coproc::inline v0
