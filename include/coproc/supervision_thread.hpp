// A thread that drives supervised workers while nobody else uses them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// A thread that looks at a Supervised, or at all workers of a Supervisor, from time to time. It starts those
/// again that have ended, and ends those that hang, although no call waits.
///
///     coproc::Supervised indexer{&index, {.name = "indexer"}, {.health = {.reply = 30s}}};
///     indexer.start("/data", 4);
///     coproc::SupervisionThread thread(indexer);
///     ...
///     const auto lock = thread.lock();               // for every use of the messenger, from now on
///     indexer.messenger().send_request("fox");
///
/// A messenger is for one thread at a time, so that whoever uses it, or another call that drives, holds the lock. While
/// somebody does, the thread waits; the calls that are made meanwhile drive as always. The callbacks of RestartOptions
/// may be called by this thread.
///
/// WorkerDiedError, which the call that drives throws once for each end, is thrown to nobody if this thread drives: the
/// requests that fail throw theirs, and `on_restart` and `history` tell of each end.
///
/// Thread safety: any thread may call `lock`. In a process that is forked from this one there is no such thread: `lock`
/// throws NotOwnerError there, and the destructor does nothing.
class COPROC_API SupervisionThread {
 public:
  /// Begins to look. `workers`: the Supervised or the Supervisor, which must outlive this object and stay where it is.
  /// `every`: how often to look at most; more often where RestartOptions::health asks for it. Throws
  /// InvalidArgumentError if that is not longer than 0, and std::system_error if there can be no further thread.
  template <class Workers>
  explicit SupervisionThread(Workers& workers, std::chrono::nanoseconds every = std::chrono::milliseconds(100))
      : SupervisionThread(std::function<std::chrono::nanoseconds()>([&workers] { return workers.look(); }), every) {}
  SupervisionThread(const SupervisionThread&) = delete;
  SupervisionThread& operator=(const SupervisionThread&) = delete;
  /// Ends the thread. Waits while it starts or ends a worker. The caller does not hold the lock.
  ~SupervisionThread();

  /// Waits until the thread is not looking, and keeps it from looking until the lock is let go. A look may take as long
  /// as the start of a worker, or the end of one that hangs. Throws what a look has thrown in the thread, once, but for
  /// the ends of workers: what a callback of RestartOptions throws, or the start of a worker.
  [[nodiscard]] std::unique_lock<std::mutex> lock();

 private:
  class State;
  explicit SupervisionThread(std::function<std::chrono::nanoseconds()> look, std::chrono::nanoseconds every);

  std::unique_ptr<State> state_;
};

}  // namespace coproc::inline v0
