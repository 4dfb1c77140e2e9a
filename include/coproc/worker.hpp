// A worker process: its life, whatever it runs.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "coproc/exit_status.hpp"
#include "coproc/export.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"

namespace coproc::inline v0 {

namespace detail {

/// What to run in a worker, without its types.
struct StartPlan {
  void (*run)(void* context, Messenger& messenger);
  void* context;
  /// Messengers among the start arguments: the worker keeps them, the host gives them up.
  std::span<Messenger* const> handed_over;
};

}  // namespace detail

/// A process that is started, talked to and ended by its host. Move-only; the destructor stops it (close request, SIGTERM,
/// SIGKILL, with the times of `WorkerOptions::stop`) and reaps it. On a worker that has ended, stop, join, terminate and
/// kill do nothing; on one that never started they throw WorkerIsAlreadyDeadError.
///
/// While they wait, stop, join and the destructor keep moving the worker's messages into the inbox, so that a worker which
/// is blocked in a send can end; these messages stay receivable until the next start.
///
/// Thread safety: `stop`, `join`, `join_for`, `terminate`, `kill`, `is_alive`, `pid` and `exit_status` from any thread; all
/// else from the thread that uses the messenger.
class COPROC_API Worker {
 public:
  /// Ends the worker and tells how it ended: a close request, then SIGTERM, then SIGKILL, each when the one before has not
  /// helped in its time. Takes at most these times and 10 s for SIGKILL; where not even that has helped (uninterruptible
  /// sleep) the status is NotYetEnded.
  ExitStatus stop();
  ExitStatus stop(StopOptions options);
  /// Waits for the worker to end by itself.
  ExitStatus join();
  /// The same for at most this time; nullopt: it is still alive.
  std::optional<ExitStatus> join_for(Timeout timeout);
  /// Sends SIGTERM, and does not wait.
  void terminate();
  /// Sends SIGKILL, and does not wait.
  void kill();

  bool is_alive() const noexcept;
  /// Of the running worker, or of the last one.
  int pid() const;
  /// How the last one ended; nullopt: it is alive, or never started.
  std::optional<ExitStatus> exit_status() const;

 protected:
  struct State;
  Worker(WorkerOptions options, std::shared_ptr<Messenger> messenger, bool reorders);
  Worker(Worker&& other) noexcept;
  Worker& operator=(Worker&& other) noexcept;
  ~Worker();

  void start(const detail::StartPlan& plan);
  Messenger& messenger() const;

  template <class M>
  static std::shared_ptr<Messenger> make_messenger() {
    return std::shared_ptr<Messenger>(new M());
  }

 private:
  State& state() const;
  std::shared_ptr<State> state_;
};

}  // namespace coproc::inline v0
