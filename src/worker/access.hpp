// Gives the layers above access to a worker: to its process, through its Life, and not by its number, which may belong
// to another process by now; and to the way in which it is started.
//
// Thread safety: that of `Worker::kill`.
#pragma once

#include <cstdint>
#include <memory>

#include "coproc/worker.hpp"
#include "messenger/supervisor.hpp"
#include "os/process_memory.hpp"

namespace coproc::inline v0::remote {
class Trunk;
}

namespace coproc::inline v0::detail {

struct WorkerAccess {
  /// Which starts Worker::start only asks for.
  enum class Unawaited {
    nothing,
    forks,  // of the fork server
    everything,
    next,  // everything, although the present worker is alive; it does nothing if a start cannot be asked for
  };
  /// Calls `start`, which starts this worker. Where the fork server starts it, or with `all` a new program, that only
  /// asks for the process, and Worker::await_start() has to follow. If it does not, the next start or the worker's
  /// destructor ends the process.
  template <class Start>
  static void ask_for_start(Worker& worker, bool all, const Start& start) {
    const OnlyAsking only_asking(worker, all ? Unawaited::everything : Unawaited::forks);
    start();
  }
  /// Starts of this worker, on another machine, go through this trunk.
  static void set_trunk(Worker& worker, std::shared_ptr<remote::Trunk> trunk);
  /// Null: it has none.
  static remote::Trunk* trunk_of(Worker& worker) noexcept;
  /// Calls `start`, which starts this worker. That only begins with the launch of its trunk, and does not wait for it.
  template <class Start>
  static void launch_trunk(Worker& worker, const Start& start) {
    const OnlyLaunching only_launching(worker);
    start();
  }
  /// Sends SIGKILL. Returns false if it was refused, so that the process may go on; true also if the process has ended.
  static bool kill(Worker& worker) noexcept;
  /// Sends a signal that carries a value. Does nothing if the process has ended or may not be signalled.
  static void queue_signal(Worker& worker, int signal, std::uintptr_t value) noexcept;
  /// The memory of the process; zeros if it has ended, or if the system does not say.
  static os::ProcessMemory memory_of(Worker& worker) noexcept;

  /// Ends a worker that hangs, soon: asks where it is, if `asks_where`, and sends SIGTERM, and a moment later SIGKILL.
  /// Waits for its end, with the wait hook. ExitStatus::hung will be `hang`, with what its first thread is doing. Does
  /// nothing if it has ended.
  static void end_hung(Worker& worker, Hang hang, bool asks_where);
  /// Whether the worker is one on another machine.
  static bool is_on_machine(const Worker& worker) noexcept;

  /// Calls `start`, which asks for the process of the next worker while this one is alive. `Worker::await_start` then
  /// makes it this worker; `cancel_start`, the next start and the destructor end it. Returns false, and has done
  /// nothing, if such a worker is not asked for, but started at once. Throws what `start` throws.
  template <class Start>
  static bool ask_for_next(Worker& worker, const Start& start) {
    const OnlyAsking only_asking(worker, Unawaited::next);
    start();
    return is_asked(worker);
  }
  /// Whether the worker that ask_for_next() has asked for runs its target. Throws StartError.
  static bool is_next_started(Worker& worker);

  /// From the next start on, calls of the worker's messenger ask this for another worker.
  static void set_supervisor(Worker& worker, std::weak_ptr<PeerSupervisor> supervisor);
  /// Calls `start`, which starts this worker again. What its last worker had sent and no receive has returned stays
  /// receivable.
  template <class Start>
  static void restart(Worker& worker, const Start& start) {
    const TakingOver taking_over(worker);
    start();
  }

 private:
  static bool is_asked(const Worker& worker) noexcept;

  class TakingOver {
   public:
    explicit TakingOver(Worker& worker);
    TakingOver(const TakingOver&) = delete;
    TakingOver& operator=(const TakingOver&) = delete;
    ~TakingOver();

   private:
    Worker& worker_;
  };
  class OnlyLaunching {
   public:
    explicit OnlyLaunching(Worker& worker);
    OnlyLaunching(const OnlyLaunching&) = delete;
    OnlyLaunching& operator=(const OnlyLaunching&) = delete;
    ~OnlyLaunching();

   private:
    Worker& worker_;
  };
  class OnlyAsking {
   public:
    OnlyAsking(Worker& worker, Unawaited which);
    OnlyAsking(const OnlyAsking&) = delete;
    OnlyAsking& operator=(const OnlyAsking&) = delete;
    ~OnlyAsking();

   private:
    Worker& worker_;
  };
};

}  // namespace coproc::inline v0::detail
