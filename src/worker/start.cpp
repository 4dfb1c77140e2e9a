// Worker::start: makes the link, the process, and the host's end of the messenger.
#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "link/link.hpp"
#include "link/link_memory.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "messenger/refused.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/fork_guard.hpp"
#include "os/process_state.hpp"
#include "process/fork_start.hpp"
#include "process/new_program.hpp"
#include "process/start_stage.hpp"
#include "sandbox/confine.hpp"
#include "trace/followed.hpp"
#include "worker/link_end.hpp"
#include "worker/own_group.hpp"
#include "worker/restored.hpp"
#include "worker/run_request.hpp"
#include "worker/run_target.hpp"
#include "worker/state.hpp"

namespace coproc::inline v0 {

using detail::Core;
using detail::MessengerAccess;
using link::Link;

namespace {

/// The start method that the target's types and the options ask for. Throws InvalidArgumentError, StartError.
StartMethod choose_method(const detail::StartPlan& plan, const WorkerOptions& options) {
  const std::string who = '"' + process::name_of_worker(options) + '"';
  const bool is_executable = plan.executable != nullptr;
  if (is_executable != (options.method == StartMethod::executable) && options.method != StartMethod::automatic) {
    throw InvalidArgumentError("worker " + who +
                               ": StartMethod::executable is for targets of type Executable, and these "
                               "have no other");
  }
  if (is_executable) return StartMethod::executable;
  const bool can_travel = plan.run_received != nullptr;
  if (options.method != StartMethod::automatic) {
    if (can_travel || options.method == StartMethod::fork) return options.method;
    throw InvalidArgumentError("worker " + who + " cannot be started in a new process: " + std::string(plan.obstacle) +
                               "; use StartMethod::fork");
  }
  if (can_travel) return StartMethod::fork_server;
  if (options.sandbox) {
    throw InvalidArgumentError("worker " + who + " would be started by a fork, since " + std::string(plan.obstacle) +
                               ", and is not: a fork has all of its host's memory with it, in a sandbox, too. Give a "
                               "target and arguments that can be started by the fork server, or ask for "
                               "StartMethod::fork by name");
  }
  const std::size_t threads = os::thread_count();
  if (threads <= 1) return StartMethod::fork;
  throw StartError(
      "fork", 0,
      who + " would be started by a fork, since " + std::string(plan.obstacle) + ", and is not: this process has " +
          std::to_string(threads) +
          " threads, and what the others hold locked would stay locked in the worker for ever. Start it before "
          "they are there, or give a target and arguments that can be started by the fork server, or ask for "
          "StartMethod::fork by name");
}

/// What is running in a box may have been taken over, and its host pays for the pages that it lends.
LinkOptions link_of_boxed(const WorkerOptions& worker) {
  LinkOptions options = worker.link;
  const bool is_guard = worker.sandbox && worker.sandbox->parts().kind == detail::SandboxKind::guard;
  if (!worker.sandbox || is_guard || options.loan_bytes != 0) return options;
  constexpr std::size_t kUsual = std::size_t{256} << 20;
  options.loan_bytes = std::min(link::usual_loan_bytes(), worker.limits.memory.value_or(kUsual));
  return options;
}

/// The events that each end of the link keeps. A worker elsewhere has another link, to its agent.
link::EventShape events_of(const WorkerOptions& worker) {
  return link::EventShape::for_wish(worker.machine ? 0 : std::max(worker.events, trace::events_wanted()));
}

/// Whether the processes that the worker starts end with it: those in a box always do.
bool kills_descendants(const WorkerOptions& options) {
  if (options.kill_descendants || !options.sandbox) return options.kill_descendants;
  const detail::SandboxParts& parts = options.sandbox->parts();
  return !parts.executable.empty() || parts.has_system;
}

Confinement confinement_of(const WorkerOptions& options, const sandbox::Applied& applied, const Run& run) {
  Confinement confinement =
      sandbox::describe(options.sandbox ? &options.sandbox->parts() : nullptr, options.limits, applied);
  if (run.group != nullptr) add_limits_of_own_group(options.limits, confinement.limits);
  return confinement;
}

}  // namespace

void capture_stderr_if_wanted(WorkerOptions& options, Run& run, Link& host_link) {
  if (!options.capture_stderr) return;
  run.stderr_tail = std::make_shared<process::StderrTail>();
  options.stderr_ = FileDescriptor{run.stderr_tail->write_fd()};
  host_link.watch_also(run.stderr_tail->fd(), [tail = run.stderr_tail] { return tail->drain(); });
}

NewLink make_link(const WorkerOptions& worker, bool reorders) {
  auto [host_end, worker_end] = link::make_shm_pair(link_of_boxed(worker), !worker.machine, events_of(worker));
  auto run = std::make_shared<Run>();
  detail::CoreOptions options;
  options.reorders = reorders;
  options.link = worker.link;
  options.role = detail::Role::host;
  options.peer.name = worker.name;
  options.throw_gone = [weak = std::weak_ptr<Run>(run), name = worker.name] {
    const auto ended = weak.lock();
    if (ended == nullptr) return;
    throw_died(*ended, name);
  };
  auto core = std::make_unique<Core>(std::move(host_end), std::move(options));
  return {std::move(run), std::move(core), std::move(worker_end)};
}

void Worker::State::ask_to_tell(link::Link& host_link) const {
  const auto it = supervisor.lock();
  if (it == nullptr) return;
  const detail::PeerSupervisor::Asks asks = it->asks();
  if (asks.in_hand) host_link.ask_in_hand();
  if (asks.reads) host_link.ask_release();
}

void Worker::State::begin(std::shared_ptr<Run> new_run, std::unique_ptr<Core> core) {
  auto& link = core->underlying_link();
  link.forbid_handover();
  link.close_memory_fd();
  link.watch_peer(new_run->child.wait_fd());  // the child's end completes the link: see is_link_complete()
  core->set_peer_pid(new_run->child.pid());
  new_run->core = core.get();
  new_run->followed = trace::Followed(link, new_run->child.pid(), options.name);
  if (options.events != 0) new_run->most_last_events = options.events;
  new_run->crash_area = link.crash_area();
  entry.enter(options.name);
  drop_run_from_messenger();
  // Requests may have gone into the old link since the new one was made, and even since its worker had ended.
  if (Core* const last = MessengerAccess::core(*messenger)) {
    core->continue_ids_of(*last);
    core->keep_latest_as(*last);
    if (takes_over) core->take_over(*last);
  }
  core->set_supervisor(supervisor);
  MessengerAccess::set_core(*messenger, std::move(core));
  set_run(std::move(new_run));
}

/// The same for a process that this one has started.
void Worker::State::begin_started(std::shared_ptr<Run> new_run, std::unique_ptr<Core> core) {
  if (new_run->stderr_tail) new_run->stderr_tail->keep_host_end();
  if (kills_descendants(options)) new_run->child.kill_group_at_end();
  begin(std::move(new_run), std::move(core));
}

/// Waits for the process that start() has asked for. Throws StartError, std::system_error.
void Worker::State::await() {
  Asked started = *std::exchange(asked, std::nullopt);
  process::StartedProgram now = started.start.await();
  started.run->child = std::move(now.child);
  started.run->start_note = std::move(now.note);
  started.run->confinement = confinement_of(options, now.applied, *started.run);
  begin_started(std::move(started.run), std::move(started.core));
}

void Worker::refuse_if_alive() const {
  if (!is_alive()) return;
  throw WorkerIsAlreadyAliveError("start: worker " + std::to_string(pid()) + " (" + state().options.name +
                                  ") is alive; stop() it first, or make another one");
}

void Worker::start(const detail::StartPlan& plan) {
  State& state = this->state();
  const bool asks_for_next = state.unawaited == State::Unawaited::next;
  if (!asks_for_next) refuse_if_alive();
  state.give_up_asked("it is started again");
  state.entry.enter(state.options.name);
  if (state.options.machine) return asks_for_next ? void() : start_on_machine(plan);
  const StartMethod method = choose_method(plan, state.options);
  if (asks_for_next && method == StartMethod::fork) return;
  state.starter.store(static_cast<long>(os::fork_generation()), std::memory_order_relaxed);  // relaxed: see started()
  try {
    using EarlyFork = process::NewProgramStart::EarlyFork;
    const bool is_forked_by_server = method == StartMethod::fork_server;
    EarlyFork early = is_forked_by_server ? EarlyFork(state.options.start_timeout) : EarlyFork();
    auto [run, core, worker_end] = make_link(state.options, state.reorders);
    auto& host_link = core->underlying_link();
    state.ask_to_tell(host_link);

    WorkerOptions start_options = state.options;
    start_options.kill_descendants = kills_descendants(state.options);
    capture_stderr_if_wanted(start_options, *run, host_link);
    run->group = make_own_group(state.options);
    if (run->group != nullptr) start_options.control_group = run->group->path();

    if (method == StartMethod::fork) {
      std::vector<os::ForkSensitive*> kept{worker_end.get()};
      if (run->stderr_tail) kept.push_back(run->stderr_tail.get());
      for (Messenger* messenger : plan.handed_over) {
        link_of_argument(*messenger).check_fork_may_keep();
        kept.push_back(&link_of_argument(*messenger));
      }
      auto make_core = [&] {
        // Everything here is the worker's copy. The host's own end stays behind unused, emptied by leave_in_child().
        static auto* const unused = new std::vector<const Core*>;  // reachable, so that they are not taken for leaks
        unused->push_back(MessengerAccess::release_core(*state.messenger).release());
        unused->push_back(core.release());
        const auto supervisor = state.supervisor.lock();
        set_restored(supervisor == nullptr ? nullptr : supervisor->state_to_give(),
                     state.options.link.max_message_bytes);
        MessengerAccess::set_core(
            *state.messenger,
            make_worker_core(std::move(worker_end), state.options.link, state.reorders, ::getppid(),
                             state.options.report_crashes, supervisor == nullptr ? 0 : supervisor->max_state_bytes()));
      };
      auto body = [&]() -> int {
        return run_target([&] { plan.run(plan.context, *state.messenger); }, *state.messenger);
      };
      sandbox::Applied applied;
      run->child = process::start_by_fork(start_options, kept, body, make_core, &applied);
      run->confinement = confinement_of(state.options, applied, *run);
    } else {
      std::vector<int> fds;
      std::string payload =
          encode_request(plan, *worker_end, core->options(), state.options.report_crashes, state.supervisor, fds);
      process::NewProgram program{.method = method, .may_be_spawned = state.options.method == StartMethod::automatic};
      if (plan.executable != nullptr) {
        program.path = run->program = plan.executable->path;
        run->program_identity = os::identity_of(program.path);
        program.arguments = plan.executable->arguments;
      }
      process::NewProgramStart asked(start_options, std::move(program), std::move(payload), std::move(fds),
                                     std::move(early));
      state.asked.emplace(std::move(run), std::move(core), std::move(worker_end), std::move(asked));
      using Unawaited = State::Unawaited;
      if (state.unawaited == Unawaited::nothing || (state.unawaited == Unawaited::forks && !is_forked_by_server)) {
        return state.await();
      }
      for (Messenger* const messenger : plan.handed_over) state.asked->handed_over.push_back(std::move(*messenger));
      return;
    }

    state.begin_started(std::move(run), std::move(core));
  } catch (const process::StartReport& report) {
    process::throw_start_error(report, state.options);
  } catch (const std::system_error& error) {
    process::throw_start_error(process::report_of(process::StartStage::link, error), state.options);
  }
}

// ---- starts that are asked for and awaited apart ----

void Worker::State::give_up_asked(const char* why) {
  if (!asked) return;
  const auto then = std::exchange(asked->then, nullptr);
  asked.reset();
  if (then == nullptr) return;
  then(std::make_exception_ptr(
      CancelledError("the start of worker \"" + options.name + "\" was given up, since " + why)));
}

void Worker::start_async(const detail::StartPlan& plan) {
  struct Asking {
    State& state;
    ~Asking() { state.unawaited = State::Unawaited::nothing; }
  } asking{state()};
  asking.state.unawaited = State::Unawaited::everything;
  start(plan);
}

void Worker::when_started(std::function<void(std::exception_ptr)> function) {
  state().asked->then = std::move(function);
}

bool Worker::await_start(Timeout timeout) {
  const std::shared_ptr<State> state = (this->state(), state_);  // what is resumed may destroy this worker
  if (!state->asked) return true;
  std::function<void(std::exception_ptr)> then;
  std::exception_ptr failure;
  try {
    if (!state->asked->start.await_for(os::Deadline(timeout.ns))) return false;
    then = std::exchange(state->asked->then, nullptr);
    state->await();
  } catch (const std::system_error& error) {
    try {
      process::throw_start_error(process::report_of(process::StartStage::link, error), state->options);
    } catch (...) {
      failure = std::current_exception();
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (state->asked) then = std::exchange(state->asked->then, nullptr);
  state->asked.reset();
  if (then != nullptr) {
    then(failure);
  } else if (failure != nullptr) {
    std::rethrow_exception(failure);
  }
  return true;
}

int Worker::start_handle() {
  State& state = this->state();
  if (!state.asked) {
    throw InvalidArgumentError("start_handle: no start of worker \"" + state.options.name +
                               "\" is under way: call it while await_start() returns false");
  }
  return detail::name_refusals("the start of worker \"" + state.options.name + "\" has no handle",
                               [&] { return state.asked->start.handle(); });
}

void Worker::cancel_start() { state().give_up_asked("cancel_start() was called"); }

}  // namespace coproc::inline v0
