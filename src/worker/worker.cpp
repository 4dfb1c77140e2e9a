#include "coproc/worker.hpp"

#include <signal.h>

#include <array>
#include <mutex>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "link/ring_transport.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "os/cpu.hpp"
#include "os/fork_guard.hpp"
#include "process/child.hpp"
#include "process/fork_start.hpp"
#include "process/stop_ladder.hpp"

namespace coproc::inline v0 {

using detail::Core;
using detail::MessengerAccess;

namespace {

/// One start of a worker: its process, and what became of it. Shared, so that a call from another thread still has it
/// where the next start has made a new one.
struct Run {
  process::Child child;
  Core* core = nullptr;  // owned by the messenger; valid until the next start
  std::mutex mutex;      // guards `status` and `core`
  std::optional<ExitStatus> status;
};

/// The status of a run whose process has ended, complete with the exception that left its target; nullopt: it is alive.
std::optional<ExitStatus> end_of(Run& run) {
  const std::lock_guard lock(run.mutex);
  if (!run.status) run.status = run.child.try_reap();
  if (run.status && run.core != nullptr && !run.status->exception) {
    run.core->note_peer_gone();
    run.core->try_drain();  // it may be the last thing in the ring, or still behind a full inbox
    std::tie(run.status->exception, run.status->exception_text) = run.core->final_error();
  }
  return run.status;
}

/// What the worker still sends must not keep it from ending. While more comes this stays here for a while: a worker that
/// empties its buffers would otherwise get on by one ring each time that the ladder looks.
void drain_run(Run& run) noexcept {
  for (int idle = 0, rounds = 0; idle < 20 && rounds < 2000; ++idle, ++rounds) {
    {
      const std::lock_guard lock(run.mutex);
      if (run.core == nullptr || run.child.is_ended()) return;
      if (run.core->try_drain()) idle = 0;
    }
    os::yield();
  }
}

void throw_died(Run& run, const std::string& name) {
  auto status = end_of(run);
  throw WorkerDiedError(name, run.child.pid(), status ? *std::move(status) : ExitStatus());
}

Core& core_of(const Messenger& messenger) { return *MessengerAccess::core(messenger); }

/// The target in the worker: what leaves it decides the exit code.
int run_target(const detail::StartPlan& plan, Messenger& messenger) noexcept {
  try {
    plan.run(plan.context, messenger);
    return 0;
  } catch (const ResourceRequestedClose&) {
    return 0;
  } catch (const HostDiedError&) {
    return 0;  // nobody is left to be told
  } catch (...) {
    try {
      core_of(messenger).send_current_exception({});
    } catch (...) {
      // The host is gone, or does not let the error in: the exit code says the rest.
    }
    return 1;
  }
}

}  // namespace

struct Worker::State {
  WorkerOptions options;
  std::shared_ptr<Messenger> messenger;
  bool reorders;
  mutable std::mutex mutex;  // guards `run`
  std::shared_ptr<Run> run;

  std::shared_ptr<Run> current() const {
    const std::lock_guard lock(mutex);
    return run;
  }

  /// The run, or an error where there never was one or it belongs to another process.
  std::shared_ptr<Run> started(const char* call) const {
    auto now = current();
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

  void drop_run_from_messenger() noexcept {
    if (run == nullptr) return;
    const std::lock_guard lock(run->mutex);
    run->core = nullptr;
  }
};

Worker::Worker(WorkerOptions options, std::shared_ptr<Messenger> messenger, bool reorders)
    : state_(std::make_shared<State>()) {
  link::check_link_options(options.link);
  if (options.name.empty()) options.name = "worker";
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

void Worker::start(const detail::StartPlan& plan) {
  State& state = this->state();
  if (is_alive()) {
    throw WorkerIsAlreadyAliveError("start: worker " + std::to_string(pid()) + " (" + state.options.name +
                                    ") is alive; stop() it first, or make another one");
  }
  auto run = std::make_shared<Run>();
  try {
    auto [host_end, worker_end] = link::make_shm_pair(state.options.link);

    detail::CoreOptions options;
    options.reorders = state.reorders;
    options.link = state.options.link;
    options.role = detail::Role::host;
    options.peer_name = state.options.name;
    options.throw_gone = [weak = std::weak_ptr<Run>(run), name = state.options.name] {
      const auto ended = weak.lock();
      if (ended == nullptr) return;
      throw_died(*ended, name);
    };
    auto core = std::make_unique<Core>(std::move(host_end), std::move(options));
    auto& host_transport = static_cast<link::RingTransport&>(core->transport());

    std::vector<os::ForkSensitive*> kept{worker_end.get()};
    for (Messenger* messenger : plan.handed_over) {
      Core& handed = core_of(*messenger);
      kept.push_back(&static_cast<link::RingTransport&>(handed.transport()));
    }

    auto body = [&]() -> int {
      // Everything here is the worker's copy. The host's own end stays behind unused: leave_in_child() has emptied it.
      (void)MessengerAccess::release_core(*state.messenger).release();
      (void)core.release();
      detail::CoreOptions worker_options;
      worker_options.reorders = state.reorders;
      worker_options.link = state.options.link;
      worker_options.role = detail::Role::worker;
      worker_options.peer_name = "host";
      worker_options.peer_pid = ::getppid();
      worker_options.throw_gone = [] {
        throw HostDiedError("the host of this worker is gone: nothing more can be sent or received");
      };
      auto worker_core = std::make_unique<Core>(std::move(worker_end), std::move(worker_options));
      MessengerAccess::set_core(*state.messenger, std::move(worker_core));
      return run_target(plan, *state.messenger);
    };
    run->child = process::start_by_fork(state.options, kept, body);

    host_transport.watch(run->child.wait_fd());
    core->set_peer_pid(run->child.pid());
    run->core = core.get();
    state.drop_run_from_messenger();
    MessengerAccess::set_core(*state.messenger, std::move(core));
  } catch (const std::system_error& error) {
    throw StartError("link", error.code().value(),
                     '"' + state.options.name +
                         "\" could not be started: making its link failed (a limit on descriptors, " +
                         "memory or file sizes?): " + error.what());
  }
  const std::lock_guard lock(state.mutex);
  state.run = std::move(run);
}

ExitStatus Worker::stop() { return stop(state().options.stop); }

ExitStatus Worker::stop(StopOptions options) {
  const auto run = state().started("stop");
  if (auto status = end_of(*run)) return *status;
  auto ask = [&] {
    const std::lock_guard lock(run->mutex);
    if (run->core != nullptr) run->core->transport().request_close();
  };
  auto drain = [&] { drain_run(*run); };
  const std::array rungs{process::Rung{StopRung::close_request, options.close, ask},
                         process::Rung{StopRung::terminate, options.terminate},
                         process::Rung{StopRung::kill, Timeout(process::kKillTime)}};
  const ExitStatus status = process::run_ladder(run->child, rungs, {.keep_draining = drain});
  if (auto complete = end_of(*run)) return *complete;
  return status;
}

ExitStatus Worker::join() { return *join_for(kForever); }

std::optional<ExitStatus> Worker::join_for(Timeout timeout) {
  const auto run = state().started("join");
  if (auto status = end_of(*run)) return status;
  auto drain = [&] { drain_run(*run); };
  if (!process::wait_for_end(run->child, os::Deadline(timeout.ns), {.keep_draining = drain})) return std::nullopt;
  return end_of(*run);
}

void Worker::terminate() {
  const auto run = state().started("terminate");
  if (end_of(*run)) return;
  run->child.note_rung(StopRung::terminate);
  run->child.signal(SIGTERM);
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

std::optional<ExitStatus> Worker::exit_status() const {
  const auto run = state().current();
  if (run == nullptr || !run->child.is_own_process()) return std::nullopt;
  return end_of(*run);
}

}  // namespace coproc::inline v0
